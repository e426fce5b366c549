/** What holds on this page: the standing choice, the signals, and what follows from them. */

import { bare, freeze, keys, stringify, table } from "./natives";
import { because, DAY, decide, decideService } from "./policy";
import type { Standing } from "./standing";
import type { Memory } from "./storage";
import type { Act, Boot, Choice, Decision, Prior, Signals, Snapshot } from "./types";

/** The control of the one act that no hand made: GPC, remembered. */
export const SIGNAL = "gpc";

export interface Surroundings {
  memory: Memory;
  /** Ids of the services that the site discloses. */
  shown: readonly string[];
  signals(): Signals;
  /** Seconds since 1970, UTC. */
  now(): number;
  /** A UUID, version 4. */
  newId(): string;
  /** Years, as the owner's page declares; `null` where it does not. */
  age: number | null;
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
  /** Lets an act stand, and gives it the form in which it is sent. */
  stand(act: Act): Choice;
}

export const openState = (boot: Boot, around: Surroundings): State => {
  const { memory, signals, now } = around;
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
    stand: (act) => {
      const { version: notice_version, language } = boot;
      const { action, categories, services } = act;
      const before = memory.recall(now());
      const recorded_at = Math.max(now(), before?.recorded_at ?? 0);
      const event_id = around.newId();
      const { gpc, dnt } = signals();
      memory.keep({
        visitor: before?.visitor ?? "",
        seq: before?.seq ?? 0,
        event_id,
        pending: true,
        action,
        categories,
        services,
        shown_services: around.shown,
        notice_version,
        recorded_at,
        valid_until: recorded_at + boot.rules.choice_days * DAY,
        // Both layers say so of a signal that has force here; the page's own code may not.
        gpc_noticed: act.layer > 0 && gpc && boot.rules.categories.some((rule) => rule.gpc),
        dnt_noticed: act.layer > 0 && !!dnt && boot.rules.categories.some((rule) => rule.dnt),
        by_signal: act.control === SIGNAL,
        // A switch that was found on and left on is no consent.
        left_on: keys(categories).filter(
          (id) => action === "save" && categories[id] && isLeftOn(state.decision(id), before, id),
        ),
      });
      const client_time = new Date(now() * 1000).toISOString();
      return bare({ ...act, event_id, notice_version, language, client_time });
    },
  };
  return state;
};

const isLeftOn = ({ allow, reason }: Decision, before: Standing | null, id: string) =>
  reason === "default_granted" ||
  reason === "exempt_granted" ||
  (allow && before?.left_on.includes(id));

const decideAll = (boot: Boot, around: Surroundings, standing: Standing | null): Snapshot => {
  const prior = standing && priorOf(standing);
  const signals = freeze(around.signals());
  const decided = decide(
    boot.rules,
    bare({
      now: around.now(),
      notice_version: boot.version,
      services: around.shown,
      signals,
      prior,
      age: around.age,
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

/** The act without the pseudonym and its numbers, which are nobody's business on the page. */
const priorOf = ({ visitor, seq, event_id, pending, ...prior }: Standing): Prior => bare(prior);
