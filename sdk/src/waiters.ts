/** Functions of the page that wait for an id to be allowed. */

import type { Later } from "./later";
import { openSlices } from "./rounds";
import type { Cancel, Decision } from "./types";

export const openWaiters = (
  decision: (id: string) => Decision,
  safely: (task: () => void) => void,
  afterPaint: Later,
) => {
  const waiting = new Set<{ id: string; run: () => void }>();
  /** Runs those whose time has come, in the order in which they came. */
  const { now, later } = openSlices((isOver) => {
    for (const waiter of waiting) {
      // What runs may bring about another round, which must not run it again.
      const due = decision(waiter.id).allow && waiting.delete(waiter);
      if (due) safely(waiter.run);
      if (isOver(due)) return;
    }
  }, afterPaint);
  return {
    wake: later,
    when: (id: string, run: () => void): Cancel => {
      const waiter = { id, run };
      waiting.add(waiter);
      // Never within this call, so that the canceller is there first.
      Promise.resolve().then(now);
      return () => waiting.delete(waiter);
    },
  };
};
