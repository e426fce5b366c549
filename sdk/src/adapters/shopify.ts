/** Shopify's Customer Privacy API, of a shop's own theme or of a headless storefront. */

import type { Host } from "../host";
import type { Part, Table } from "../types";
import { adapter, isOpen, type Options, reach } from "./adapter";

interface Shopify extends Options {
  /** What only a headless storefront has to tell. */
  readonly headless: Table<unknown>;
}

const FEATURES = [{ name: "consent-tracking-api", version: "0.1" }];

export const open = (host: Host, options: Shopify): Part => {
  let latest: unknown;
  const line = reach("Shopify", (shopify, [[consent]]) => {
    latest = consent;
    const tell = () => shopify.customerPrivacy.setTrackingConsent(latest, () => {});
    if (shopify.customerPrivacy) tell();
    else if (!shopify.loadFeatures) return false;
    else shopify.loadFeatures(FEATURES, (error: unknown) => (error ? host.fail(error) : tell()));
    return true;
  });
  // The shop keeps what it is told: nothing, before there is something to tell.
  return adapter(host, options, line, (may, snapshot) => {
    if (isOpen(snapshot)) return [];
    const consent = {
      analytics: may("analytics"),
      marketing: may("marketing"),
      preferences: may("functional"),
      sale_of_data: snapshot.sale_or_share.allow,
    };
    return [[{ ...consent, ...options.headless }]];
  });
};
