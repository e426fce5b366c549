/** `window.holdfire`: what the page's own code may call. Described in `types.ts`. */

import { namedAct, wholeAct } from "./act";
import type { Speaker } from "./events";
import { freeze } from "./natives";
import type { Prompter } from "./prompt";
import type { State } from "./state";
import type { Transport } from "./transport";
import type { Act, Boot, Cancel, Holdfire, Snapshot } from "./types";

/** By this mark a second copy of this script knows that it is the second. */
export const MARK = Symbol.for("holdfire");

export interface Parts {
  boot: Boot;
  state: State;
  speaker: Speaker;
  waiters: Waiters;
  prompter: Prompter;
  transport: Transport;
  choose(act: Act): void;
  ready: Promise<Snapshot>;
}

/** Functions of the page that wait for an id to be allowed. */
export interface Waiters {
  when(id: string, run: () => void): Cancel;
  /** Runs those whose time has come, in the order in which they came. */
  wake(): void;
}

export const openWaiters = (state: State, speaker: Speaker): Waiters => {
  const waiting = new Set<{ id: string; run: () => void }>();
  const wake = () => {
    for (const waiter of waiting) {
      // What runs may bring about another round, which must not run it again.
      if (state.decision(waiter.id).allow && waiting.delete(waiter)) speaker.run(waiter.run);
    }
  };
  return {
    wake,
    when: (id, run) => {
      const waiter = { id, run };
      waiting.add(waiter);
      // Never within this call, so that the canceller is there first.
      Promise.resolve().then(wake);
      return () => waiting.delete(waiter);
    },
  };
};

export const openApi = (parts: Parts): Holdfire => {
  const { boot, state, speaker, waiters, prompter, transport, ready } = parts;
  const choose = (act: () => Act) => speaker.run(() => parts.choose(act()));
  const api: Holdfire & { [MARK]: true } = {
    [MARK]: true,
    ready,
    when: waiters.when,
    on: speaker.on,
    off: speaker.off,
    allowed: (id) => state.decision(id).allow,
    decision: (id) => state.decision(id),
    choose: (choosing) => choose(() => namedAct(boot, choosing, state.snapshot as Snapshot)),
    acceptAll: () => choose(() => wholeAct(boot, "accept_all", true)),
    rejectAll: () => choose(() => wholeAct(boot, "reject_all", false)),
    withdraw: () => choose(() => wholeAct(boot, "withdraw", false)),
    show: (view) => prompter.show(view),
    hide: () => prompter.hide(),
    receipt: async () => {
      const standing = state.standing;
      if (!standing?.event_id) throw new Error("There is no choice.");
      if (standing.pending) throw new Error("The choice is not recorded yet.");
      const { status, body } = await transport.receipt(standing.event_id);
      if (status !== 200) throw new Error(`No receipt (${status}).`);
      return body;
    },
    push: (...runs) => {
      for (const run of runs) speaker.run(() => run(api));
    },
  };
  return freeze(api);
};
