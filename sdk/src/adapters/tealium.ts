/** Tealium iQ, with its consent manager. */

import type { Host } from "../host";
import type { Part, Table } from "../types";
import { adapter, isOpen, type Options, permits, reach } from "./adapter";

interface Tealium extends Options {
  /** What each of Tealium's categories stands for; without any there is one yes or no. */
  readonly categories: Table<readonly string[]>;
}

export const open = (host: Host, options: Tealium): Part => {
  const { categories, kinds } = options;
  const names = Object.keys(categories);
  const line = reach("utag", ({ gdpr }, [[name, value]]) => {
    if (!gdpr) return false;
    gdpr[name](value);
    return true;
  });
  const bit = (ids: readonly string[] = []) => Number(permits(host, ids));
  // Tealium counts what it is told: nothing, before there is something to tell.
  return adapter(host, options, line, (_, snapshot) => {
    if (isOpen(snapshot)) return [];
    if (!names[0]) return [["setConsentValue", bit(Object.values(kinds).flat())]];
    const each = names.map((name) => [name, bit(categories[name])]);
    return [["setPreferencesValues", Object.fromEntries(each)]];
  });
};
