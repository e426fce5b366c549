/** Amazon Ads, by the cookie of its own consent signal. */

import { writeCookie } from "../dom";
import type { Host } from "../host";
import { stringify } from "../natives";
import type { Part } from "../types";
import { adapter, isOpen, type Line, type Options, sells } from "./adapter";

interface Amazon extends Options {
  /** ISO 3166-1, or "EU": where the visitor is taken to be. */
  readonly country: string;
}

const SECONDS = 28 * 86_400; // as long as Amazon's own code lets it live

export const open = (host: Host, options: Amazon): Part => {
  const say: Line["say"] = (calls) => {
    const signal = calls()[0]?.[0];
    const value = {
      geo: { countryCode: options.country },
      amazonConsentFormat: { amznAdStorage: signal, amznUserData: signal },
      timestamp: new Date(host.now() * 1000).toISOString(),
      version: "1",
    };
    const text = signal ? encodeURIComponent(stringify(value)) : "";
    writeCookie(`amzn_consent=${text};path=/;max-age=${signal ? SECONDS : -1};SameSite=Lax;Secure`);
  };
  // Until somebody says something there is no cookie: neither a new one, nor one left from before.
  return adapter(host, options, { say }, (may, snapshot) => {
    if (isOpen(snapshot)) return [[""]];
    return [[may("marketing") && sells(host, snapshot) ? "GRANTED" : "DENIED"]];
  });
};
