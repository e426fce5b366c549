/** Going over what is due in the page, slice by slice. */

import { matches, query } from "./dom";
import type { Later } from "./later";
import { DEFERRED } from "./script";
import { attempt } from "./shape";

export const MARKED = "[data-category],[data-service]";
/** How long a slice may go on to begin something, in ms: half a frame. */
const SLICE = 8;

export interface Slices {
  /** Goes on at once. */
  now(): void;
  /** Goes on once what was drawn is on the screen. */
  later(): void;
}

/**
 * Has work done in slices with a paint between: thirty tags at once would freeze the page. `work`
 * begins at the beginning each time, and asks after each thing whether its slice is over; `took`
 * tells whether that thing took any of the page's time, for a slice that did nothing would be begun
 * again for ever. What has begun to wait for a paint has its turn before anything new.
 */
export const openSlices = (
  work: (isOver: (took: unknown) => boolean) => void,
  afterPaint: Later,
): Slices => {
  let due = false;
  const now = () => {
    if (due) return;
    const end = performance.now() + SLICE;
    work((took) => {
      if (took && performance.now() > end) later();
      return due;
    });
  };
  const later = () => {
    if (due) return;
    due = true;
    // On a page where nothing can wait, nothing is due any more.
    attempt(() =>
      afterPaint(() => {
        due = false;
        now();
      }),
    );
  };
  return { now, later };
};

/**
 * Hands over every marked element, in document order, what is deferred last. `take` tells whether
 * one took any of the page's time.
 */
export const openRounds = (take: (held: Element) => unknown, afterPaint: Later): Slices =>
  openSlices((isOver) => {
    for (const last of [false, true]) {
      for (const held of query(document, MARKED)) {
        if (isOver(matches(held, DEFERRED) === last && take(held))) return;
      }
    }
  }, afterPaint);
