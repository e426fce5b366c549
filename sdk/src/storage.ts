/** What the browser keeps for us. Any of it may be blocked, full, forged or gone; none of it throws. */

import { cookies } from "./dom";
import { keys, table } from "./natives";
import { attempt } from "./shape";
import { decode, newer, reconcile, type Standing } from "./standing";
import type { Boot } from "./types";

/** One storage area of the page, with memory in its place where the browser refuses. */
export interface Area {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  keys(): string[];
}

export const openArea = (name: "localStorage" | "sessionStorage"): Area => {
  const memory = table<string>();
  // The getter itself throws in a sandboxed frame, and where the visitor blocks site data.
  const use = <T>(act: (area: Storage) => T): T | null => attempt(() => act(window[name]));
  const remove = (key: string) => {
    delete memory[key];
    use((area) => area.removeItem(key));
  };
  return {
    remove,
    get: (key) => memory[key] ?? use((area) => area.getItem(key)),
    set: (key, value) => {
      // A full area may still hold what is now outdated: better nothing than that.
      remove(key);
      use((area) => area.setItem(key, value));
      if (use((area) => area.getItem(key)) !== value) memory[key] = value;
    },
    keys: () => [...keys(memory), ...(use(keys) ?? [])],
  };
};

/** The standing choice of one site. Times are seconds since 1970, UTC. */
export interface Memory {
  /** The newest well-formed one of what is kept, or `null`. */
  recall(now: number): Standing | null;
  /** Likewise, but for the cookie, which knows of what other pages did. */
  own(now: number): Standing | null;
  /** Knows this one from now on, whatever becomes of the storage. */
  adopt(standing: Standing): void;
  /** Takes what another tab keeps, if it is newer: where storage is blocked, tabs only have this. */
  hear(text: string, now: number): void;
}

export const openMemory = ({ site, services }: Boot, area: Area): Memory => {
  const key = keyOf(site);
  // Kept here as well: a page that clears its storage does not thereby take back a refusal.
  let known: Standing | null = null;
  const shown = services.map((service) => service.id);
  const read = (text: string | null, now: number) => decode(text ?? "", shown, now);

  // Every tab reads before it writes, so what is stored is the newest that any of them knew.
  const own = (now: number) => {
    known = read(area.get(key), now) ?? known;
    return known;
  };
  return {
    own,
    adopt: (standing) => {
      known = standing;
    },
    recall: (now) => reconcile(own(now), read(cookiePayload(site), now)),
    hear: (text, now) => {
      const heard = read(text, now);
      if (heard && newer(known, heard) === heard) known = heard;
    },
  };
};

/** What follows the key of a choice on its way. */
export const OUT = ":out:";

/** Under this key the standing choice is kept; what is on its way to the service, below it. */
export const keyOf = (site: string): string => `holdfire:${site}`;
export const prefixOf = (site: string): string => keyOf(site) + OUT;

/** What follows the key of the years that were told, and of the language that was picked. */
export const YEARS = ":age";
export const LANGUAGE = ":language";

/** What follows the key of a mark: everything was refused, and no act could be made of it yet. */
export const REFUSED = ":no";

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
export const payloadOf = (token: string): string => {
  const [payload = ""] = token.split(".");
  return attempt(() => atob(payload.replace(/-/g, "+").replace(/_/g, "/"))) ?? "";
};
