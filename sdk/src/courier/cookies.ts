/** Removing cookies that the page can see. */

import { cookies, writeCookie } from "../dom";

const ADDRESS = /^[\d.]+$|:/;

/** The names of the cookies that the page can see, each once. */
export const seenCookies = (): Set<string> =>
  new Set(cookies().map((cookie) => cookie.split("=")[0] as string));

/**
 * Removes a cookie, and tells whether it is gone.
 *
 * A cookie is removed by its name, domain and path together, and a page cannot read the latter two:
 * so every pair that this page can see is tried.
 */
export const removeCookie = (name: string): boolean => {
  // Secure cookies can only be replaced by such, partitioned ones (CHIPS) only by such again.
  const kinds = location.protocol === "https:" ? [";secure", ";secure;partitioned"] : [""];
  for (const path of paths(location.pathname)) {
    for (const domain of domains(location.hostname)) {
      for (const kind of kinds) {
        writeCookie(`${name}=;expires=Thu, 01 Jan 1970 00:00:00 GMT;path=${path}${domain}${kind}`);
      }
    }
    if (!seenCookies().has(name)) return true;
  }
  return false;
};

/**
 * The domains that may have been named when it was set, first none at all: that is how most are.
 * An address has no parents, and no cookie belongs to a top-level domain. Of the other public
 * suffixes (`co.uk`) the browser keeps the list, and refuses to set cookies for them.
 */
const domains = (host: string): string[] => {
  const labels = ADDRESS.test(host) ? [] : host.split(".");
  return ["", ...labels.slice(1).map((_, at) => `;domain=${labels.slice(at).join(".")}`)];
};

/** Every way in which the page's own path can begin, with and without a last slash. */
const paths = (pathname: string): string[] =>
  pathname.split("/").flatMap((_, at, parts) => {
    const path = parts.slice(0, at + 1).join("/");
    return [`${path}/`, path];
  });
