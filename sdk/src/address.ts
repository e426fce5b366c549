/** Where the boot script came from, and what its address declares. */

import { read } from "./dom";

/** The running boot script, which only the browser can name. */
export const bootScript = (): HTMLScriptElement | null => {
  const script = read("currentScript");
  return script instanceof HTMLScriptElement ? script : null;
};

/**
 * What the owner's page says of its visitor in the boot script's own address, to be said again with
 * every request: age and residence of somebody it knows, and in the demo the place to stand in.
 */
export const declaredIn = (source: string): string =>
  (source.match(/[?&](age|residence|geo)=[\w-]+/g) ?? []).map((pair) => pair.slice(1)).join("&");

/** The age in a query, or by itself. */
export const ageIn = (told: string): number | null => {
  const [, years] = /(?:\bage=|^)(\d{1,3})(&|$)/.exec(told) ?? [];
  return years ? +years : null;
};

/** The service's URL: that of the boot script, less `/s/{site}.js` or `/s/{site}/{region}.js`. */
export const baseOf = (source: string, site: string): string => {
  const [address = ""] = source.split(/[?#]/);
  const end = address.lastIndexOf(`/s/${site}`);
  return /^https?:/.test(address) && end > 0 ? address.slice(0, end) : "";
};
