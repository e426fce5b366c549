/** What can wait: done once what was drawn is on the screen, and at the latest when the page goes. */

import { listen, read } from "./dom";

export type Later = (task: () => void) => () => void;

/** Milliseconds after which it is done however busy the page is. */
const PATIENCE = 200;

/** `safely` runs a task; what comes back leaves it undone. */
export const openLater = (safely: (task: () => void) => void): Later => {
  const waiting = new Set<() => void>();
  // A timer goes off before the picture is on the screen, and holds it up. Safari has nothing else.
  const { requestIdleCallback: idle } = window as Partial<Window>;
  const run = (task: () => void) => {
    if (waiting.delete(task)) safely(task);
  };
  listen(window, "pagehide", () => waiting.forEach(run));
  return (task) => {
    const go = () => run(task);
    waiting.add(task);
    // No frame comes where nobody looks.
    if (read("visibilityState") === "hidden") run(task);
    else requestAnimationFrame(() => (idle ? idle(go, { timeout: PATIENCE }) : setTimeout(go)));
    return () => waiting.delete(task);
  };
};
