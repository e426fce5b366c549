/** `window.holdfire`: what the page's own code may call. Described in `types.ts`. */

import { freeze } from "./natives";
import type { State } from "./state";
import type { Holdfire } from "./types";
import type { PageView } from "./view";

/** By this mark a second copy of this script knows that it is the second. */
export const MARK = Symbol.for("holdfire");

export interface Parts extends Omit<PageView, "api"> {
  state: State;
  when: Holdfire["when"];
  stop(): void;
}

export const openApi = (parts: Parts): Holdfire => {
  const { state, speaker, prompter, act, refuse } = parts;
  const api: Holdfire & { [MARK]: true } = {
    [MARK]: true,
    // The start is one task, so this promise is kept when it is over.
    ready: Promise.resolve().then(parts.snapshot),
    when: parts.when,
    on: speaker.on,
    off: speaker.off,
    allowed: (id) => state.decision(id).allow,
    decision: (id) => state.decision(id),
    choose: parts.name,
    acceptAll: () => act((ready) => ready.accept()),
    rejectAll: () => refuse("reject_all"),
    withdraw: () => refuse("withdraw"),
    show: (view) => prompter.show(view),
    hide: () => prompter.hide(),
    // Without the courier there is no answer, and a promise must not wait for ever.
    receipt: () =>
      parts
        .chunk("courier")
        .then(
          () =>
            new Promise((tell) => parts.courier((ready) => tell(ready.receipt(state.standing)))),
        ),
    stop: parts.stop,
    push: (...runs) => {
      for (const run of runs) speaker.run(() => run(api));
    },
  };
  return freeze(api);
};
