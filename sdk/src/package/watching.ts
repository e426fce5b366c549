/**
 * Decisions for user interfaces that draw themselves anew when something changes: what a framework
 * subscribes to, and what it reads while it draws. The same decision is the same object, as React's
 * `useSyncExternalStore` asks.
 */

import type { Cancel, Decision } from "../types";
import type { Notice } from "./notice";
import { handOnUntil, holdfire } from "./standIn";

const drawn = new Map<string, Decision>();

/** What holds for a category or service now. Denied before the boot script ran, and on a server. */
export const getSnapshot = (id: string): Decision => {
  const now = holdfire().decision(id);
  const before = drawn.get(id);
  if (before?.allow === now.allow && before.reason === now.reason) return before;
  drawn.set(id, now);
  return now;
};

/** Calls `heard` whenever `getSnapshot(id)` has become another one. */
export const subscribe = (id: string, heard: () => void): Cancel => {
  let last = getSnapshot(id);
  return handOnUntil((there) => {
    const look = () => {
      const now = getSnapshot(id);
      if (now === last) return;
      last = now;
      heard();
    };
    // What was decided before anybody could listen is news as well.
    look();
    return there.on("change", look);
  });
};

/**
 * `getSnapshot` for a page that a server draws, from the notice of this visitor: what is drawn
 * there, and once more when the browser takes over, so that both come out alike. Services are not
 * in a notice: each is denied until the browser has decided.
 */
export const serverSnapshot = (notice: Notice): ((id: string) => Decision) => {
  const decided = new Map<string, Decision>(
    notice.categories.map(({ id, allow, reason }) => [id, Object.freeze({ allow, reason })]),
  );
  return (id) => decided.get(id) ?? UNKNOWN;
};

const UNKNOWN: Decision = Object.freeze({ allow: false, reason: "unknown_service" });
