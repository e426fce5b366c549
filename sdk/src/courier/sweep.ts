/** Taking back what a service has left in the browser: its cookies and its storage keys. */

import { cookies, writeCookie } from "../dom";
import { isRefused } from "../refused";
import type { Area } from "../storage";
import type { Service, Snapshot } from "../types";

/** Our own keys and cookies, which no service's list can name. */
const OWN = /^(__\w+-)?holdfire/;

/**
 * Removes what services list that are refused, or that were allowed in the `last` snapshot, except
 * what an allowed one lists too. Who never said no keeps what they have.
 *
 * A cookie is removed by its name, domain and path together, and a page cannot read the latter
 * two: so every pair that this page can see is tried.
 */
export const sweep = (
  services: readonly Service[],
  now: Snapshot,
  last: Snapshot | null,
  areas: readonly Area[],
): void => {
  const allowed = services.filter(({ id }) => now.services[id]?.allow);
  const denied = services.filter(({ id }) => isRefused(id, now, last));
  const condemned = (list: "cookies" | "storage", name: string): boolean =>
    !OWN.test(name) &&
    denied.some((service) => lists(service[list], name)) &&
    !allowed.some((service) => lists(service[list], name));

  for (const name of cookieNames()) if (condemned("cookies", name)) removeCookie(name);
  for (const area of areas) {
    for (const key of area.keys()) if (condemned("storage", key)) area.remove(key);
  }
};

/** Whether the list names it; a name that ends in `*` stands for all that begin like it. */
const lists = (uses: readonly string[], name: string): boolean =>
  uses.some((use) => (use.endsWith("*") ? name.startsWith(use.slice(0, -1)) : name === use));

const cookieNames = (): string[] => cookies().map((cookie) => cookie.split("=")[0] as string);

const removeCookie = (name: string): void => {
  const labels = location.hostname.split(".");
  // Without a domain first: that is how most are set.
  const domains = ["", ...labels.map((_, at) => `;domain=${labels.slice(at).join(".")}`)];
  // Secure cookies can only be replaced by such, partitioned ones (CHIPS) only by such again.
  const kinds = location.protocol === "https:" ? [";secure", ";secure;partitioned"] : [""];
  for (const path of paths(location.pathname)) {
    for (const domain of domains) {
      for (const kind of kinds) {
        writeCookie(`${name}=;expires=Thu, 01 Jan 1970 00:00:00 GMT;path=${path}${domain}${kind}`);
      }
    }
    if (!cookieNames().includes(name)) return;
  }
};

/** "/", and every way in which the page's own path can begin, with and without a last slash. */
const paths = (pathname: string): string[] => {
  const found = ["/"];
  let path = "";
  for (const part of pathname.split("/").filter(Boolean)) {
    path += `/${part}`;
    found.push(path, `${path}/`);
  }
  return found;
};
