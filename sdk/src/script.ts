/** Bringing a held script to life. */

import { element, read } from "./dom";
import { bare } from "./natives";

/** What marks a script as held. */
export const HELD_TYPE = "text/plain";
export const MARKS = ["data-category", "data-service"];
/** What is the held script's own, and not for the one that runs. */
const HOLDING = ["type", "data-type", "src", "data-src", ...MARKS];
const JAVASCRIPT = ["", "text/javascript", "application/javascript"];

/** Whether other scripts may have to run before or after it, as the parser would have seen to. */
export const isOrdered = (held: HTMLScriptElement): boolean =>
  !held.hasAttribute("async") &&
  !held.hasAttribute("nomodule") &&
  JAVASCRIPT.includes(held.getAttribute("data-type") ?? "");

/** The address it loads, or `null` for an inline script. */
export const addressOf = (held: HTMLScriptElement): string | null =>
  held.getAttribute("data-src") ?? held.getAttribute("src");

/**
 * An absolute http(s) address. Another scheme could carry code of its own (`javascript:`, `data:`)
 * through markup that the site's sanitiser took for harmless. Throws for those.
 */
export const webAddress = (address: string): string => {
  const { href, protocol } = new URL(address, read("baseURI"));
  if (protocol !== "http:" && protocol !== "https:") throw new Error(`not http(s): ${address}`);
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

/**
 * Trusted Types, where the page requires them. What passes was put into the page by its owner and
 * marked as held; a page that lists its policies lists `holdfire`.
 */
const trusted = (): Policy => {
  if (policy) return policy;
  const rules = bare({
    createScript: (text: string) => text,
    createScriptURL: (address: string) => address,
  });
  try {
    // TypeScript's library does not know Trusted Types: a trusted value stands in for its string.
    const { trustedTypes } = window as {
      trustedTypes?: { createPolicy(...of: unknown[]): Policy };
    };
    policy = trustedTypes?.createPolicy("holdfire", rules) ?? rules;
  } catch {
    // The page lists other policies only. If it also requires them, the assignment says so.
    policy = rules;
  }
  return policy;
};
