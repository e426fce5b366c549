/** What can wait: done once what was drawn is on the screen, and at the latest when the page goes. */

import { listen, read } from "./dom";

export type Later = (task: () => void) => () => void;

/** `safely` runs a task; what comes back leaves it undone. */
export const openLater = (safely: (task: () => void) => void): Later => {
  const waiting = new Set<() => void>();
  const run = (task: () => void) => {
    if (waiting.delete(task)) safely(task);
  };
  listen(window, "pagehide", () => waiting.forEach(run));
  return (task) => {
    waiting.add(task);
    // No frame comes where nobody looks.
    if (read("visibilityState") === "hidden") run(task);
    else requestAnimationFrame(() => setTimeout(run, 0, task));
    return () => waiting.delete(task);
  };
};
