/** What the browser keeps for us. Any of it may be blocked, full, forged or gone; none of it throws. */

import { cookies } from "./dom";
import { freeze, keys, table } from "./natives";
import { attempt } from "./shape";
import { decode, encode, newer, reconcile, type Standing } from "./standing";
import type { Recorded } from "./types";

/** One storage area of the page, with memory in its place where the browser refuses. */
export interface Area {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  keys(): string[];
}

export const openArea = (name: "localStorage" | "sessionStorage"): Area => {
  const memory = new Map<string, string>();
  // The getter itself throws in a sandboxed frame, and where the visitor blocks site data.
  const use = <T>(act: (area: Storage) => T): T | null => attempt(() => act(window[name]));
  const remove = (key: string) => {
    memory.delete(key);
    use((area) => area.removeItem(key));
  };
  return {
    remove,
    get: (key) => memory.get(key) ?? use((area) => area.getItem(key)),
    set: (key, value) => {
      // A full area may still hold what is now outdated: better nothing than that.
      remove(key);
      use((area) => area.setItem(key, value));
      if (use((area) => area.getItem(key)) !== value) memory.set(key, value);
    },
    keys: () => [...memory.keys(), ...(use(keys) ?? [])],
  };
};

/** The standing choice of one site. Times are seconds since 1970, UTC. */
export interface Memory {
  /** The newest well-formed one of what is kept, or `null`. */
  recall(now: number): Standing | null;
  keep(standing: Standing): void;
  /** The service has recorded an act: the one that stands, or one that was on its way for long. */
  confirm(record: Pick<Recorded, "event_id" | "token">, now: number): void;
  /** The service refused this act for good: what it granted is taken back. */
  narrow(eventId: string, now: number): void;
  /** What proves to a service on another host who this is; "" before it has answered. */
  token(): string;
  /** The service does not know this token any more. */
  dropToken(): void;
  /** Takes what another tab keeps, if it is newer: where storage is blocked, tabs only have this. */
  hear(text: string, now: number): void;
}

/** `shown` are the ids of the services that the site discloses now. */
export const openMemory = (site: string, shown: readonly string[], area: Area): Memory => {
  const key = keyOf(site);
  const tokenKey = `${key}:token`;
  // Kept here as well: a page that clears its storage does not thereby take back a refusal.
  let own: Standing | null = null;

  const recallOwn = (now: number) => {
    // Every tab reads before it writes, so what is stored is the newest that any of them knew.
    own = decode(area.get(key) ?? "", shown, now) ?? own;
    return own;
  };
  const keep = (standing: Standing) => {
    own = freeze(standing);
    area.set(key, encode(standing));
  };

  return {
    keep,
    token: () => area.get(tokenKey) ?? "",
    dropToken: () => area.remove(tokenKey),
    recall: (now) => reconcile(recallOwn(now), decode(cookiePayload(site), shown, now)),
    confirm: ({ event_id, token }, now) => {
      const known = recallOwn(now);
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
      const known = recallOwn(now);
      if (known?.event_id !== eventId) return;
      const categories = table<boolean>();
      for (const id of keys(known.categories)) categories[id] = false;
      keep({ ...known, categories: freeze(categories), pending: false });
    },
    hear: (text, now) => {
      const heard = decode(text, shown, now);
      if (heard && newer(own, heard) === heard) keep(heard);
    },
  };
};

/** Under this key the standing choice is kept; what is on its way to the service, below it. */
export const keyOf = (site: string): string => `holdfire:${site}`;

/**
 * The payload of the visitor token, or "". The signature is the service's business: what the page
 * reads here grants no more than what the page itself could have kept.
 *
 * Over https only the `__Host-` name counts, which no sibling subdomain can plant (RFC 6265bis
 * §4.1.3.2). Two cookies of one name mean that somebody planted one: neither counts.
 */
const cookiePayload = (site: string): string => {
  const name = `${location.protocol === "https:" ? "__Host-" : ""}holdfire_${site}=`;
  const [found, doubled] = cookies().filter((cookie) => cookie.startsWith(name));
  return found && !doubled ? payloadOf(found.slice(name.length)) : "";
};

/** The JSON in a token, or "". */
const payloadOf = (token: string): string => {
  const [payload = ""] = token.split(".");
  return attempt(() => atob(payload.replace(/-/g, "+").replace(/_/g, "/"))) ?? "";
};
