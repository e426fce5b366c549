/** What is held, in the order in which it came. */

import type { Host } from "../host";
import type { Verdict } from "./hosts";

export interface Held {
  /** What made it, such as "fetch" or "img". */
  cause: string;
  /** Its address or key. */
  name: string;
  /** Why it may not run now, or `null`. */
  judge(): Verdict | null;
  /** Does what was held, in the place where it is held by now. */
  run(place: never): void;
  /** It was refused, and is never to run. */
  drop?(place: never): void;
}

export interface Keeping {
  /**
   * Holds something, if it has to be, in place of what is held under the same key of the same place;
   * tells whether it did. What is refused already is dropped at once, but not within this call.
   */
  hold(place: object, key: string, held: Held): boolean;
  /** Whatever is held there was overwritten or taken back. */
  forget(place: object, key: string): void;
  /** What is held in one place is held in another from now on. */
  move(from: object, to: object): void;
  /** What is held there, by key. */
  of(place: object): ReadonlyMap<string, Held> | undefined;
  /** Runs what may run by now, and drops what is refused. */
  settle(place?: object): void;
  /** Holds nothing any more. What is held stays held. */
  stop(): void;
}

export const openKeeping = (host: Host, report: boolean): Keeping => {
  const places = new WeakMap<object, Map<string, Held>>();
  const waiting = new Map<Held, readonly [object, string]>();
  let stopped = false;

  const forget = (place: object, key: string) => {
    const held = places.get(place)?.get(key);
    if (!held) return;
    places.get(place)?.delete(key);
    waiting.delete(held);
  };
  const put = (place: object, key: string, held: Held) => {
    places.set(place, (places.get(place) ?? new Map()).set(key, held));
    waiting.set(held, [place, key]);
  };
  const safely = (act: () => void) => {
    try {
      act();
    } catch (cause) {
      host.fail(cause);
    }
  };
  const settle = (held: Held) => {
    const [place, key = ""] = waiting.get(held) ?? [];
    const verdict = place && held.judge();
    if (!place || (verdict && !verdict.refused)) return;
    forget(place, key);
    safely(() => (verdict ? held.drop?.(place as never) : held.run(place as never)));
  };

  return {
    hold: (place, key, held) => {
      forget(place, key);
      const verdict = stopped ? null : held.judge();
      if (!verdict) return false;
      const { cause, name } = held;
      host.emit("held", { cause, name, service: verdict.service, report });
      if (report) return false;
      put(place, key, held);
      if (verdict.refused) setTimeout(() => settle(held));
      return true;
    },
    forget,
    move: (from, to) => {
      for (const [key, held] of places.get(from) ?? []) put(to, key, held);
      places.delete(from);
    },
    of: (place) => places.get(place),
    settle: (place) => {
      if (stopped) return;
      for (const [held, [at]] of waiting) if (!place || at === place) settle(held);
    },
    stop: () => {
      stopped = true;
    },
  };
};
