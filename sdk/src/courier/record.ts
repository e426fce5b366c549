/** What the service's answers change in what the page keeps. */

import { encode } from "../act/encode";
import { freeze, keys, table } from "../natives";
import { decode, type Standing } from "../standing";
import { type Area, keyOf, type Memory, payloadOf } from "../storage";
import type { Recorded } from "../types";

export interface Answers {
  /** The service has recorded an act: the one that stands, or one that was on its way for long. */
  confirm(record: Pick<Recorded, "event_id" | "token">, now: number): void;
  /** The service refused this act for good: what it granted is taken back. */
  narrow(eventId: string, now: number): void;
  /** What proves to a service on another host who this is; "" before it has answered. */
  token(): string;
  /** The service does not know this token any more. */
  dropToken(): void;
}

/** `shown` are the ids of the services that the site discloses now. */
export const openAnswers = (
  site: string,
  shown: readonly string[],
  area: Area,
  memory: Memory,
): Answers => {
  const key = keyOf(site);
  const tokenKey = `${key}:token`;
  const keep = (standing: Standing) => {
    memory.adopt(freeze(standing));
    area.set(key, encode(standing));
  };
  return {
    token: () => area.get(tokenKey) ?? "",
    dropToken: () => area.remove(tokenKey),
    confirm: ({ event_id, token }, now) => {
      const known = memory.own(now);
      // The token says what counts from now on, which is less for an act that arrived too late.
      const recorded = decode(payloadOf(token), shown, now);
      if (!known || !recorded) return;
      area.set(tokenKey, token);
      const { visitor, seq } = recorded;
      keep(
        known.event_id === event_id
          ? { ...recorded, event_id }
          : { ...known, visitor, seq: Math.max(known.seq, seq) },
      );
    },
    narrow: (eventId, now) => {
      const known = memory.own(now);
      if (known?.event_id !== eventId) return;
      const categories = table<boolean>();
      for (const id of keys(known.categories)) categories[id] = false;
      keep({ ...known, categories: freeze(categories), pending: false });
    },
  };
};
