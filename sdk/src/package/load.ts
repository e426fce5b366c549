/** Puts the boot script into the page, for applications that have no markup of their own to put it in. */

import type { Holdfire } from "../types";
import { handOn, live } from "./standIn";

export interface Loading {
  /** The service's URL, such as "https://consent.example" or "/consent". */
  base: string;
  /** The id of the site. */
  site: string;
  /** A place, `cc` or `cc-sub`: the script for a named region, which caches may share. */
  region?: string;
  /** The nonce of the page's Content-Security-Policy. */
  nonce?: string;
  /** `false` keeps its order among the scripts that are inserted like this one. */
  async?: boolean;
}

const SITE = /^[a-z0-9][a-z0-9_-]*$/i;
const REGION = /^[a-z]{2}(-[a-z0-9]{1,3})?$/i;

/** One page has one Holdfire: whoever asks next gets the same. */
let loading: Promise<Holdfire> | null = null;

/**
 * Inserts the boot script, once, and gives `window.holdfire`. If it is in the page already, that
 * one is waited for. Rejects where the script does not come, or there is no page: then nothing is
 * allowed, `holdfire()` keeps what is asked of it, and the next call tries again.
 *
 * A page that requires Trusted Types lists the policies `holdfire` and `holdfire-load`.
 */
export const load = (how: Loading): Promise<Holdfire> => {
  const there = live();
  if (there) return Promise.resolve(there);
  loading ??= inserted(how).catch((cause) => {
    loading = null;
    throw cause;
  });
  return loading;
};

const inserted = async (how: Loading): Promise<Holdfire> => {
  const address = addressOf(how);
  const script = scriptAt(address) ?? insert(address, how);
  return new Promise((tell, refuse) => {
    handOn(tell);
    script.addEventListener("error", () => {
      script.remove();
      refuse(new Error(`${address} did not load`));
    });
    script.addEventListener("load", () => {
      // A page that is only prepared starts when somebody goes there.
      const { prerendering } = document as { prerendering?: boolean };
      if (!live() && !prerendering) refuse(new Error(`${address} did not start`));
    });
  });
};

/** The address of the boot script. Throws for what cannot be one. */
const addressOf = ({ base, site, region }: Loading): string => {
  if (typeof document === "undefined") throw new Error("no page to load Holdfire into");
  if (!SITE.test(site)) throw new TypeError(`not the id of a site: ${site}`);
  if (region !== undefined && !REGION.test(region)) {
    throw new TypeError(`not written cc or cc-sub: ${region}`);
  }
  const { href, protocol } = new URL(base, document.baseURI);
  if (protocol !== "https:" && protocol !== "http:") throw new TypeError(`not http(s): ${base}`);
  const path = region === undefined ? site : `${site}/${region.toLowerCase()}`;
  return `${href.replace(/[?#].*$/, "").replace(/\/$/, "")}/s/${path}.js`;
};

const scriptAt = (address: string): HTMLScriptElement | undefined =>
  [...document.querySelectorAll<HTMLScriptElement>("script[src]")].find(
    ({ src }) => src.replace(/[?#].*$/, "") === address,
  );

const insert = (address: string, { nonce, async = true }: Loading): HTMLScriptElement => {
  const script = document.createElement("script");
  script.async = async;
  if (nonce) script.nonce = nonce;
  script.src = trusted(address);
  document.head.append(script);
  return script;
};

interface Policy {
  createScriptURL(address: string): string;
}
let policy: Policy | undefined;

/** Trusted Types, where the browser knows them. What passes was made above. */
const trusted = (address: string): string => {
  const { trustedTypes } = globalThis as {
    trustedTypes?: { createPolicy(name: string, rules: Policy): Policy };
  };
  try {
    policy ??= trustedTypes?.createPolicy("holdfire-load", { createScriptURL: (made) => made });
  } catch {
    // The page lists other policies only. If it also requires them, the assignment says so.
  }
  // TypeScript's library does not know Trusted Types: a trusted value stands in for its string.
  return policy?.createScriptURL(address) ?? address;
};
