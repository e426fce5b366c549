/**
 * The choice that stands in this browser, and which of two of them counts.
 *
 * The page keeps it under `holdfire:{site}`; the service keeps it as the payload of the visitor
 * token, in a cookie that the page may read. Both are one JSON object:
 *
 *     {"v": visitor, "q": seq, "t": recorded_at, "u": valid_until, "n": notice_version,
 *      "a": action, "c": {category: 0|1}, "s": {service: 0|1}, "h": [shown services], "k": 1 GPC | 2 DNT, "g": 1 by GPC,
 *      "d": [left on], "y": age}
 *
 * and the page adds "e", the event id, and "p": 1 until the service has confirmed the act.
 */

import { freeze, keys, table } from "./natives";
import { attempt, flags, like, parsed } from "./shape";
import type { Action, Prior, Table } from "./types";

export interface Standing extends Prior {
  /** The visitor's pseudonym, or "" until the service has given one. */
  visitor: string;
  /** The number the service gave the act; for a pending one, the newest number known before it. */
  seq: number;
  /** Years, the fewest that were ever told, as the service remembers them. */
  age: number | null;
  /** "" when only the cookie is left, which does not tell it. */
  event_id: string;
  pending: boolean;
}

/**
 * Reads one, or gives `null` for anything but a well-formed one.
 *
 * `shown` stands in for the list that a long token leaves out. A time ahead of `now` (seconds) is
 * taken as now: a clock that once ran ahead must neither outrank later acts nor prolong this one.
 */
export const decode = (text: string, shown: readonly string[], now: number): Standing | null =>
  attempt(() => {
    // Most visits find nothing, and an exception costs more than a look.
    if (!text) return null;
    const kept = parsed(text);
    const { v, q, t, u, n, a } = like(kept, { v: "", q: 0, t: 0, u: 0, n: "", a: "" });
    return freeze({
      visitor: v,
      seq: q,
      event_id: String(kept.e ?? ""),
      pending: kept.p === 1,
      action: a as Action,
      categories: flags(kept.c, 0, 1),
      services: flags(kept.s ?? [], 0, 1),
      shown_services: kept.h ? listed(kept.h) : shown,
      notice_version: n,
      recorded_at: Math.min(t, now),
      valid_until: u,
      gpc_noticed: kept.k === 1 || kept.k === 3,
      dnt_noticed: kept.k === 2 || kept.k === 3,
      by_signal: kept.g === 1,
      left_on: listed(kept.d),
      age: typeof kept.y === "number" ? kept.y : null,
    });
  });

/** A list as a token has it, or joined as we keep it. */
const listed = (kept: unknown): readonly string[] => (kept ? String(kept).split(",") : []);

/** The newer of two; of two equally new ones, the one that refuses more. */
export const newer = (a: Standing | null, b: Standing | null): Standing | null => {
  if (!a || !b) return a ?? b;
  const pending = +a.pending - +b.pending;
  const order =
    a.event_id && a.event_id === b.event_id
      ? -pending
      : (a.visitor === b.visitor && a.seq - b.seq) ||
        pending ||
        a.recorded_at - b.recorded_at ||
        grants(b) - grants(a);
  return order < 0 ? b : a;
};

/**
 * The page's own act against the one in the cookie. While the service has not confirmed ours, a
 * cookie from elsewhere may be older or newer than it, whatever the clocks say: then a refusal in
 * either counts.
 */
export const reconcile = (own: Standing | null, cookie: Standing | null): Standing | null =>
  own?.pending && cookie && (cookie.visitor !== own.visitor || cookie.seq > own.seq)
    ? freeze({
        ...own,
        categories: narrowed(own.categories, cookie.categories),
        services: narrowed(own.services, cookie.services),
      })
    : newer(own, cookie);

const narrowed = (own: Table<boolean>, other: Table<boolean>): Table<boolean> => {
  const found = table<boolean>();
  for (const key of [...keys(other), ...keys(own)]) {
    found[key] = own[key] !== false && other[key] !== false;
  }
  return freeze(found);
};

const grants = ({ categories }: Standing): number =>
  keys(categories).filter((key) => categories[key]).length;
