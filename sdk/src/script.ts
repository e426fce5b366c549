/** Bringing a held script to life. */

import { element, read } from "./dom";
import { bare } from "./natives";
import { attempt } from "./shape";

/** What marks a script as held. */
export const HELD_TYPE = "text/plain";
export const MARKS = ["data-category", "data-service"];
/** What is the held script's own, and not for the one that runs. */
const HOLDING = ["type", "data-type", "src", "data-src", ...MARKS];
/** Scripts before or after which others may have to run, as the parser would have seen to. */
export const ORDERED =
  ":not([async],[nomodule],[defer][data-src],[data-type]:not([data-type$=javascript]))";
/** Scripts that run when all of those have run and the document is read, in their order. */
export const DEFERRED = ":is([defer][data-src],[data-type=module]):not([async])";

/** The address it loads, or `null` for an inline script. */
export const addressOf = (held: HTMLScriptElement): string | null =>
  held.getAttribute("data-src") ?? held.getAttribute("src");

/**
 * An absolute http(s) address. Another scheme could carry code of its own (`javascript:`, `data:`)
 * through markup that the site's sanitiser took for harmless. Throws for those.
 */
export const webAddress = (address: string): string => {
  const { href } = new URL(address, read("baseURI"));
  if (!/^https?:/.test(href)) throw new Error(`not http(s): ${address}`);
  return href;
};

/** A new element like this script, but for its type and address. Only a new one ever runs. */
export const renewed = (
  script: HTMLScriptElement,
  without: readonly string[],
): HTMLScriptElement => {
  const fresh = element("script");
  for (const { name, value } of script.attributes) {
    if (without.includes(name)) continue;
    fresh.setAttribute(name, name.startsWith("on") ? trusted().createScript(value) : value);
  }
  // What a script gave its element has no attribute.
  fresh.onload ??= script.onload;
  fresh.onerror ??= script.onerror;
  // The attribute of a connected element is emptied, so that styles cannot read it; this is not.
  fresh.nonce = script.nonce;
  if (script.text) fresh.text = trusted().createScript(script.text);
  return fresh;
};

/** The element that runs in place of a held one as soon as it is inserted. */
export const revived = (held: HTMLScriptElement): HTMLScriptElement => {
  const fresh = renewed(held, HOLDING);
  const type = held.getAttribute("data-type");
  if (type) fresh.type = type;
  // Created scripts are async by default; those that were not keep their order among themselves.
  fresh.async = held.hasAttribute("async");
  const address = addressOf(held);
  if (address !== null) fresh.src = trusted().createScriptURL(webAddress(address));
  return fresh;
};

interface Policy {
  createScript(text: string): string;
  createScriptURL(address: string): string;
}

let policy: Policy | undefined;
const unchanged = (text: string) => text;

/**
 * Trusted Types, where the page requires them. What passes was put into the page by its owner and
 * marked as held; a page that lists its policies lists `holdfire`. Where it lists others only, and
 * requires them, the assignment says so.
 */
const trusted = (): Policy => {
  const rules = bare({ createScript: unchanged, createScriptURL: unchanged });
  // TypeScript's library does not know Trusted Types: a trusted value stands in for its string.
  const { trustedTypes } = window as { trustedTypes?: { createPolicy(...of: unknown[]): Policy } };
  policy ??= attempt(() => trustedTypes?.createPolicy("holdfire", rules)) ?? rules;
  return policy;
};
