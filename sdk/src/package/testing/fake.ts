/** A Holdfire in memory: for unit tests of code that asks it. No page, no service, no law. */

import { MARK } from "../../api";
import { openSpeaker } from "../../events";
import type { Later } from "../../later";
import type { Cause, Choice, Decision, Holdfire, Snapshot, Table, View } from "../../types";
import { openWaiters } from "../../waiters";
import { type Said, saidBy } from "./said";

export interface Faking {
  /** By category or service id; `true` allows. Whatever is not named is denied. */
  decisions?: Table<boolean | Decision>;
  /** The category of each service: a service is allowed where its category is, and itself. */
  services?: Table<string>;
  signals?: Partial<Snapshot["signals"]>;
  prompt?: Snapshot["prompt"];
  /** Told when an act was made. */
  now?: () => Date;
}

export interface FakeHoldfire extends Holdfire {
  /** Every act that was made, in order. */
  readonly choices: readonly Choice[];
  /** Every view that was shown, in order. */
  readonly shown: readonly View[];
  /** Something else holds from now on, as if the service or another tab had said so. */
  decide(decisions: Table<boolean | Decision>, cause?: Cause): void;
}

const NECESSARY = "necessary";

/** What holds in the fake, and how it changes. */
const openDecisions = (faking: Faking) => {
  const { services = {} } = faking;
  const held = new Map<string, Decision>([[NECESSARY, because(true, "necessary")]]);
  const put = (decisions: Table<boolean | Decision>) => {
    for (const [id, one] of Object.entries(decisions)) {
      if (id === NECESSARY) continue;
      held.set(
        id,
        typeof one === "boolean" ? because(one, one ? "choice_granted" : "choice_denied") : one,
      );
    }
  };
  put(faking.decisions ?? {});
  const decision = (id: string): Decision => {
    const category = held.get(services[id] ?? "");
    const own = held.get(id);
    // A service narrows its category, and never widens it.
    if (id in services && category && !(category.allow && own?.allow === false)) return category;
    return own ?? because(false, id in services ? "default_denied" : "unknown_service");
  };
  const categories = () => [...held.keys()].filter((id) => !(id in services));
  const tableOf = (ids: readonly string[]) =>
    Object.freeze(Object.fromEntries(ids.map((id) => [id, decision(id)])));
  return {
    put,
    decision,
    /** An act says all there is to say of services: what was refused before is refused no more. */
    act: ({ categories, services: own }: Said) => {
      for (const id of Object.keys(services)) held.delete(id);
      put({ ...categories, ...own });
    },
    refused: () => Object.keys(services).filter((id) => held.get(id)?.allow === false),
    unlocked: () => categories().filter((id) => id !== NECESSARY),
    tables: () => ({
      categories: tableOf(categories()),
      services: tableOf(Object.keys(services)),
    }),
  };
};

const because = (allow: boolean, reason: Decision["reason"]): Decision =>
  Object.freeze({ allow, reason });

/** Nothing is drawn that could be waited for. */
const atOnce: Later = (task) => {
  task();
  return () => {};
};

/** A Holdfire of which a test says what it allows. What code does with it works at once. */
export const fakeHoldfire = (faking: Faking = {}): FakeHoldfire => {
  const { services = {}, now = () => new Date() } = faking;
  const speaker = openSpeaker();
  const decisions = openDecisions(faking);
  const waiters = openWaiters(decisions.decision, speaker.run, atOnce);
  const choices: Choice[] = [];
  const shown: View[] = [];
  const snapshot = (): Snapshot =>
    Object.freeze({
      ...decisions.tables(),
      sale_or_share: because(false, "default_denied"),
      prompt: faking.prompt ?? (choices.length > 0 ? "link" : "banner"),
      opt_out_status: "none",
      signals: Object.freeze({ gpc: false, dnt: null, ...faking.signals }),
      prior: null,
    });

  const change = (cause: Cause, make: () => void) => {
    const before = JSON.stringify(decisions.tables());
    make();
    if (JSON.stringify(decisions.tables()) === before) return;
    waiters.wake();
    speaker.emit("change", { cause, snapshot: snapshot() });
  };
  const act = (action: Choice["action"], said: Said) => {
    const choice = { ...choiceOf(action, choices.length + 1, now()), ...said };
    choices.push(choice);
    change("choice", () => decisions.act(said));
    speaker.emit("choice", { cause: choice.control, choice });
  };
  const all = (granted: boolean): Said => ({
    categories: Object.fromEntries(decisions.unlocked().map((id) => [id, granted])),
    services: {},
  });

  const fake: FakeHoldfire & { [MARK]: true } = {
    [MARK]: true,
    ready: Promise.resolve().then(snapshot),
    allowed: (id) => decisions.decision(id).allow,
    decision: decisions.decision,
    when: waiters.when,
    on: speaker.on,
    off: speaker.off,
    choose: (choosing) =>
      speaker.run(() => act("save", saidBy(choosing, decisions.unlocked(), services, decisions))),
    acceptAll: () => act("accept_all", all(true)),
    rejectAll: () => act("reject_all", all(false)),
    withdraw: () => act("withdraw", all(false)),
    show: (view) => void shown.push(view),
    hide: () => {},
    receipt: async () => {
      const last = choices[choices.length - 1];
      if (!last) throw new Error("there is no choice yet");
      return JSON.stringify(last, null, 2);
    },
    push: (...runs) => {
      for (const run of runs) speaker.run(() => run(fake));
    },
    stop: () => {},
    ...{ choices, shown },
    decide: (changes, cause = "service") => change(cause, () => decisions.put(changes)),
  };
  // Who listens from the start hears it, as on a page.
  fake.ready.then((first) => speaker.emit("ready", { cause: "boot", snapshot: first }));
  return fake;
};

/** An act without what it says; its ids count up, so that tests can name them. */
const choiceOf = (action: Choice["action"], count: number, now: Date) => ({
  event_id: `00000000-0000-4000-8000-${String(count).padStart(12, "0")}`,
  action,
  notice_version: "0".repeat(16),
  layer: 0 as const,
  control: "api",
  language: "en",
  client_time: now.toISOString(),
});
