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
export const declaredIn = (source: string): string => {
  // Few addresses declare anything, and a browser's first regular expression is a slow one.
  if (!source.includes("?")) return "";
  return (source.match(/[?&](age|residence|geo)=[\w-]+/g) ?? []).map((p) => p.slice(1)).join("&");
};

/** The age in a query, or by itself. */
export const ageIn = (told: string): number | null => {
  const [, years] = (told && /(?:\bage=|^)(\d{1,3})(&|$)/.exec(told)) || [];
  return years ? +years : null;
};

/** The service's URL: that of the boot script, less `/s/{site}.js` or `/s/{site}/{region}.js`. */
export const baseOf = (source: string, site: string): string => {
  const end = (source.split("?")[0]?.split("#")[0] ?? "").lastIndexOf(`/s/${site}`);
  return source.startsWith("http") && end > 0 ? source.slice(0, end) : "";
};
