/** Taking back what services have left in the browser: cookies, storage keys and databases. */

import type { Host } from "../host";
import { isRefused } from "../refused";
import { openArea } from "../storage";
import type { Service, Snapshot } from "../types";
import { removeCookie, seenCookies } from "./cookies";
import { removeDatabases } from "./databases";

/** Our own keys and cookies, which no service's list can name. */
const OWN = /^(__\w+-)?holdfire/;

/** A kind of thing that a service lists. */
type Kind = "cookies" | "storage" | "databases";

/**
 * Removes what services list that are refused, or that were allowed in the `last` snapshot, except
 * what an allowed one lists too. Who never said no keeps what they have.
 *
 * What is still there afterwards is told once, by its name, and not tried again before something
 * else changes: a script that writes it anew could keep us busy for ever.
 */
export const openSweep = ({ boot: { services }, local, snapshot, fail }: Host) => {
  const areas = [local, openArea("sessionStorage")];
  const told = new Set<string>();

  const tell = (left: readonly string[]) => {
    const news = left.filter((name) => !told.has(name));
    for (const name of news) told.add(name);
    if (news[0]) fail(new Error(`could not remove: ${news.join(", ")}`));
  };

  return async (last: Snapshot | null): Promise<void> => {
    // Asked anew for each: what takes its time may be allowed again by then.
    const condemned = (kind: Kind, name: string): boolean => {
      const now = snapshot();
      const lists = (one: Service) => one[kind]?.some((use) => fits(use, name));
      return (
        !OWN.test(name) &&
        services.some((one) => isRefused(one.id, now, last) && lists(one)) &&
        !services.some((one) => now.services[one.id]?.allow && lists(one))
      );
    };
    const databases = services.flatMap((one) => one.databases ?? []);
    const left: string[] = [];
    for (const name of seenCookies()) {
      if (condemned("cookies", name) && !removeCookie(name)) left.push(`${name} (cookie)`);
    }
    for (const area of areas) {
      for (const key of area.keys()) {
        if (!condemned("storage", key)) continue;
        area.remove(key);
        if (area.get(key) !== null) left.push(`${key} (storage)`);
      }
    }
    if (databases[0]) {
      left.push(...(await removeDatabases(databases, (name) => condemned("databases", name))));
    }
    tell(left);
  };
};

/** Whether a list's name means this one; one that ends in `*` stands for all that begin like it. */
const fits = (use: string, name: string): boolean =>
  use.endsWith("*") ? name.startsWith(use.slice(0, -1)) : name === use;
