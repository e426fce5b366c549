/** Functions of the page that wait for an id to be allowed. */

import type { Cancel, Decision } from "./types";

export const openWaiters = (
  decision: (id: string) => Decision,
  safely: (task: () => void) => void,
) => {
  const waiting = new Set<{ id: string; run: () => void }>();
  /** Runs those whose time has come, in the order in which they came. */
  const wake = () => {
    for (const waiter of waiting) {
      // What runs may bring about another round, which must not run it again.
      if (decision(waiter.id).allow && waiting.delete(waiter)) safely(waiter.run);
    }
  };
  return {
    wake,
    when: (id: string, run: () => void): Cancel => {
      const waiter = { id, run };
      waiting.add(waiter);
      // Never within this call, so that the canceller is there first.
      Promise.resolve().then(wake);
      return () => waiting.delete(waiter);
    },
  };
};
