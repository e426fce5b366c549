/** `window.holdfire`, or until it is there something that allows nothing and hands on what is asked. */

import { MARK } from "../api";
import type { Cancel, Holdfire, Snapshot } from "../types";

type Run = (holdfire: Holdfire) => void;

/** The page, as far as it concerns us. On a server there is none. */
interface Page {
  holdfire?: unknown;
  document?: unknown;
}
const page = globalThis as Page;

/** The real one, or `null` while the boot script has not run. */
export const live = (): Holdfire | null => {
  const found = page.holdfire as { [MARK]?: true } | null | undefined;
  return found?.[MARK] ? (found as unknown as Holdfire) : null;
};

/** Runs `run` with the real one: now, or when it comes. On a server it never does. */
export const handOn = (run: Run): void => {
  const there = live();
  if (there) there.push(run);
  if (there || !page.document) return;
  // The boot script takes over the array that it finds here.
  if (!Array.isArray(page.holdfire)) page.holdfire = [];
  (page.holdfire as Run[]).push(run);
};

/** Likewise for what can be cancelled, before it comes or after. */
export const handOnUntil = (begin: (holdfire: Holdfire) => Cancel): Cancel => {
  let cancelled = false;
  let cancel: Cancel | undefined;
  handOn((there) => {
    if (!cancelled) cancel = begin(there);
  });
  return () => {
    cancelled = true;
    cancel?.();
  };
};

const standIn: Holdfire = Object.freeze<Holdfire>({
  get ready() {
    return new Promise<Snapshot>((tell, refuse) =>
      handOn((there) => there.ready.then(tell, refuse)),
    );
  },
  allowed: (id) => live()?.allowed(id) ?? false,
  decision: (id) => live()?.decision(id) ?? { allow: false, reason: "default_denied" },
  when: (id, run) => handOnUntil((there) => there.when(id, run)),
  on: (event, listener) => handOnUntil((there) => there.on(event, listener)),
  off: (event, listener) => handOn((there) => there.off(event, listener)),
  choose: (choosing) => handOn((there) => there.choose(choosing)),
  acceptAll: () => handOn((there) => there.acceptAll()),
  rejectAll: () => handOn((there) => there.rejectAll()),
  withdraw: () => handOn((there) => there.withdraw()),
  show: (view) => handOn((there) => there.show(view)),
  hide: () => handOn((there) => there.hide()),
  receipt: () =>
    new Promise((tell, refuse) => handOn((there) => there.receipt().then(tell, refuse))),
  push: (...runs) => {
    for (const run of runs) handOn(run);
  },
  stop: () => handOn((there) => there.stop()),
});

/**
 * `window.holdfire` if it is there, else a stand-in: it allows nothing, keeps every call for the
 * real one, and turns into it. Safe on a server, where it allows nothing and keeps nothing.
 */
export const holdfire = (): Holdfire => live() ?? standIn;
