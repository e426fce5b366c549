/** What holds on this page: the standing choice, the signals, and what follows from them. */

import { bare, freeze, stringify, table } from "./natives";
import { because, decide, decideService } from "./policy";
import type { Standing } from "./standing";
import type { Memory } from "./storage";
import type { Boot, Decision, Prior, Signals, Snapshot } from "./types";

export interface Surroundings {
  memory: Memory;
  signals(): Signals;
  /** Seconds since 1970, UTC. */
  now(): number;
  /** Years, as far as anybody has told them. */
  age(): number | null;
  /** Whether everything was refused just now, by an act that is still to be made. */
  refused(): boolean;
}

export interface State {
  /** What was decided last, or `null` before anything was. */
  snapshot: Snapshot | null;
  standing: Standing | null;
  /** Decides anew from all that is known; tells whether anything came out differently. */
  refresh(): boolean;
  decision(id: string): Decision;
  /** Whether an element may fire that carries these marks. */
  permits(category: string | null, service: string | null): boolean;
}

export const openState = (boot: Boot, around: Surroundings): State => {
  const { memory, now } = around;
  let decided = "";
  const state: State = {
    snapshot: null,
    standing: null,
    refresh: () => {
      state.standing = memory.recall(now());
      state.snapshot = decideAll(boot, around, state.standing);
      const before = decided;
      // Whether it is another act that decides alike is no matter to anyone.
      decided = stringify(bare({ ...state.snapshot, prior: null }));
      return decided !== before;
    },
    decision: (id) => {
      const { snapshot } = state;
      if (!snapshot) return because("default_denied");
      return snapshot.categories[id] ?? snapshot.services[id] ?? because("unknown_service");
    },
    permits: (category, service) => {
      const { snapshot } = state;
      const ofCategory = category === null ? null : snapshot?.categories[category]?.allow === true;
      // A service that the site does not list is as good as its category, and nothing without one.
      const ofService = snapshot?.services[service ?? ""]?.allow ?? ofCategory;
      return ofService === true && ofCategory !== false;
    },
  };
  return state;
};

const decideAll = (boot: Boot, around: Surroundings, standing: Standing | null): Snapshot => {
  const prior = around.refused() ? refusal(boot, around) : standing && priorOf(standing);
  const signals = freeze(around.signals());
  const decided = decide(
    boot.rules,
    bare({
      now: around.now(),
      notice_version: boot.version,
      services: boot.services.map((service) => service.id),
      signals,
      prior,
      age: around.age(),
      // The page does not learn who the visitor is.
      known: false,
      parental: false,
    }),
  );
  const services = table<Decision>();
  for (const service of boot.services) {
    services[service.id] = decideService(service, decided, prior);
  }
  return freeze({ ...decided, services: freeze(services), signals, prior });
};

/** Everything refused, whatever was said before. */
const refusal = ({ rules, version, services }: Boot, { now }: Surroundings): Prior => {
  const categories = table<boolean>();
  for (const { id } of rules.categories) categories[id] = false;
  return bare({
    action: "withdraw",
    categories,
    services: table(),
    shown_services: services.map((service) => service.id),
    notice_version: version,
    recorded_at: now(),
    valid_until: now() + 1,
    gpc_noticed: false,
    dnt_noticed: false,
    by_signal: false,
    left_on: [],
  });
};

/** The act without the pseudonym and its numbers, which are nobody's business on the page. */
const priorOf = ({ visitor, seq, event_id, pending, age, ...prior }: Standing): Prior =>
  bare(prior);
