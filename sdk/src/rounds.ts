/** Going over what is marked in the page, slice by slice. */

import { matches, query } from "./dom";
import type { Later } from "./later";
import { DEFERRED } from "./script";

export const MARKED = "[data-category],[data-service]";
/** How long a slice may go on to begin another element, in ms: half a frame. */
const SLICE = 8;

export interface Rounds {
  /** Goes round at once. */
  now(): void;
  /** Goes round once what was drawn is on the screen. */
  later(): void;
}

/**
 * Hands over every marked element, in document order, what is deferred last. `take` tells whether
 * one took any of the page's time: thirty at once would freeze the page. What has begun to wait for
 * a paint has its turn before anything new.
 */
export const openRounds = (take: (held: Element) => unknown, afterPaint: Later): Rounds => {
  let due = false;
  const now = () => {
    const end = performance.now() + SLICE;
    for (const last of [false, true]) {
      for (const held of query(document, MARKED)) {
        if (due) return;
        if (matches(held, DEFERRED) === last && take(held) && performance.now() > end) later();
      }
    }
  };
  const later = () => {
    if (due) return;
    due = true;
    afterPaint(() => {
      due = false;
      now();
    });
  };
  return { now, later };
};
