/** Loading the page anew: for services that cannot be stopped otherwise once they run. */

import type { Host } from "../host";
import { attempt } from "../shape";
import { keyOf, openArea, REFUSED } from "../storage";
import type { Snapshot } from "../types";

/** How long the record of a refusal may take to arrive before the page goes, in ms. */
const PATIENCE = 1_000;

export interface Reload {
  /** Something was decided; `last` held until now. */
  settled(last: Snapshot | null): void;
  /** The service has recorded an act. */
  recorded(): void;
}

/**
 * The page goes once the refusal is recorded, or has had its time to set out: it waits in storage
 * and outlives the page. It stays where the next page would not know of the refusal, which is worse
 * than a script that goes on running, and while there is no network to load it from.
 *
 * One act reloads a page once. What makes a service come and go by itself cannot turn the page
 * round and round.
 */
export const openReload = (host: Host): Reload => {
  const { boot, local, memory, now, snapshot, fail } = host;
  const key = keyOf(boot.site);
  let leaving: readonly string[] = [];

  const leave = () => {
    leaving = leaving.filter((id) => !snapshot().services[id]?.allow);
    if (!leaving[0]) return;
    const act = `${memory.own(now())?.event_id}`;
    const mark = `${key}:reload`;
    const marks = openArea("sessionStorage");
    if (marks.get(mark) === act) return;
    marks.set(mark, act);
    // A mark that only this page knows cannot keep the next one from doing the same.
    if (isKept() && openArea("sessionStorage").get(mark) === act) location.reload();
    else fail(new Error(`not reloaded: ${leaving.join()}`));
  };

  /** Whether a page that begins now finds what this one goes by. */
  const isKept = () => {
    const kept = openArea("localStorage");
    const same = [key, key + REFUSED].every((one) => kept.get(one) === local.get(one));
    return same && !kept.get(key) === !memory.own(now());
  };

  return {
    settled: (last) => {
      const stopped = ({ id }: { id: string }) =>
        last?.services[id]?.allow && !snapshot().services[id]?.allow;
      const ids = boot.services.filter((one) => one.reload && stopped(one)).map(({ id }) => id);
      if (!ids[0]) return;
      leaving = [...leaving, ...ids];
      // Offline it has to wait for the answer, however long that takes.
      setTimeout(() => navigator.onLine && attempt(leave), PATIENCE);
    },
    recorded: leave,
  };
};
