/** Whose an address, a cookie or a key is, and whether it may run now. */

import { read } from "../dom";
import type { Host } from "../host";
import { isRefused } from "../refused";
import { attempt } from "../shape";
import type { Service, Table } from "../types";
import { those } from "./lists";
import type { Options } from "./options";

/** Why something may not run now. */
export interface Verdict {
  /** One of those whose it is, or `null` where nobody's. */
  service: string | null;
  /** No change of anybody's mind is waited for. */
  refused: boolean;
}

/** Lists of names in the boot script. */
export type List = "cookies" | "storage" | "databases";

export interface Hosts {
  /** Judges an address. Where somebody else says whose it is, only what is nobody's business is free. */
  address(address: unknown, disowned?: boolean): Verdict | null;
  /** Judges the name of what a service would keep. */
  name(list: List, name: unknown): Verdict | null;
  /** Whether any service lists anything of this kind. */
  knows(list: List): boolean;
}

export const openHosts = (host: Host, options: Options): Hosts => {
  const { services } = host.boot;
  const { origin } = location;
  const base = attempt(() => new URL(host.base).origin);
  const NativeURL = URL;

  const isDenied = ({ id }: Service) => !host.decision(id).allow;
  const isDropped = ({ id }: Service) => {
    const now = host.snapshot();
    return now && isRefused(id, now, null);
  };
  const verdict = (denied: readonly Service[], refused: boolean): Verdict => ({
    service: denied[0]?.id ?? null,
    refused,
  });

  /**
   * One host may serve several services, and an address does not tell which of them is meant: it
   * runs if all of them are allowed. What is nobody's waits for nobody.
   */
  const judgeHost = (owners: readonly Service[]): Verdict | null => {
    const denied = those(owners, isDenied);
    if (owners[0] && !denied[0]) return null;
    return verdict(denied, !owners[0] || !!those(owners, isDropped)[0]);
  };

  /** What an allowed service keeps is its own, whoever else has the same name for something. */
  const judgeName = (list: List, name: string): Verdict | null => {
    const owners = those(services, (service) => lists(service[list], name));
    const denied = those(owners, isDenied);
    if (denied.length < owners.length || !owners[0]) return null;
    return verdict(denied, those(owners, isDropped).length === owners.length);
  };

  return {
    address: (address, disowned) => {
      const url = attempt(() => new NativeURL(address as string, read("baseURI")));
      const scheme = url && SCHEMES[url.protocol];
      if (!scheme) return null;
      const from = `${scheme}//${url.host}`;
      const covers = (pattern: string) => isCovered(url.hostname, pattern);
      if (from === origin || from === base || those(options.trusted, covers)[0]) return null;
      if (disowned) return { service: null, refused: false };
      const owners = those(services, ({ id }) => those(options.hosts[id] ?? [], covers)[0]);
      return owners[0] || options.hold_unknown ? judgeHost(owners) : null;
    },
    name: (list, name) => attempt(() => judgeName(list, `${name}`)),
    knows: (list) => !!those(services, (service) => service[list]?.[0])[0],
  };
};

/** Each scheme that asks a host for something, as that of a page which it would be of one origin with. */
const SCHEMES = {
  __proto__: null,
  "http:": "http:",
  "https:": "https:",
  "ws:": "http:",
  "wss:": "https:",
} as never as Table<string>;

/** Whether a pattern means this host; `*.` stands for whatever comes before. From the end, sign by sign. */
const isCovered = (host: string, pattern: string): boolean => {
  let left = host.length;
  let wanted = pattern.length;
  // A last dot is part of the name in the resolver's eyes alone.
  if (host[left - 1] === ".") left--;
  while (wanted && host[left - 1] === pattern[wanted - 1]) {
    left--;
    wanted--;
  }
  return wanted ? wanted === 1 && pattern[0] === "*" && left > 0 : !left;
};

/** Whether the list names it; a name that ends in `*` stands for all that begin like it. */
const lists = (uses: Service[List], name: string) =>
  those(uses ?? [], (use) =>
    use.endsWith("*") ? name.startsWith(use.slice(0, -1)) : name === use,
  )[0];
