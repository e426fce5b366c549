/** What the browser says by itself: Global Privacy Control and Do Not Track. */

import { bare } from "./natives";
import type { Signals } from "./types";

/** The control of the one act that no hand made: GPC, remembered. */
export const SIGNAL = "gpc";

/** Members by which browsers, old and new, speak of privacy. */
export interface Speaking {
  globalPrivacyControl?: unknown;
  doNotTrack?: unknown;
  msDoNotTrack?: unknown;
}

/** Either source suffices: the request's header, or the page's member. */
export const either = (one: Signals, other: Signals): Signals =>
  bare({ gpc: one.gpc || other.gpc, dnt: one.dnt || other.dnt || (one.dnt ?? other.dnt) });

/**
 * Reads both signals; only `true` has force. A member that throws hides its answer and counts as
 * "on": a signal can only deny.
 */
export const readSignals = (navigator: Speaking, window: Speaking): Signals =>
  bare({
    gpc: guarded(() => {
      const said = navigator.globalPrivacyControl;
      // The specification knows true and false; early extensions set "1" or 1.
      return said === true || said === "1" || said === 1;
    }),
    dnt: guarded(() => track(navigator.doNotTrack ?? window.doNotTrack ?? navigator.msDoNotTrack)),
  });

/** Tracking Preference Expression §5: the first character counts. Old browsers said yes and no. */
const track = (said: unknown): boolean | null => {
  const text = String(said ?? "");
  if (text[0] === "1" || text === "yes") return true;
  return text[0] === "0" || text === "no" ? false : null;
};

const guarded = <T>(read: () => T): T | true => {
  try {
    return read();
  } catch {
    return true;
  }
};
