/** Boot scripts, acts and tokens to test with: strict (opt-in) unless a test says otherwise. */

import type { Boot, CategoryRule, Choice, Rules, Service } from "../src/types";

export const SITE = "demo";
export const VERSION = "0123456789abcdef";

export const rule = (id: string, more: Partial<CategoryRule> = {}): CategoryRule => ({
  id,
  locked: false,
  sale: false,
  default: "denied",
  exempt: false,
  gpc: false,
  gpc_ends_exempt: false,
  dnt: false,
  consent_cannot_unlock: false,
  minors: [],
  ...more,
});

export const optIn = (more: Partial<Rules> = {}): Rules => ({
  regime: "de",
  model: "opt_in",
  surface: "banner",
  conflict_rule: "explicit_wins",
  choice_days: 180,
  after_refusal_days: 180,
  refusal_lapses: true,
  opt_out_status: false,
  remember_gpc: false,
  close: false,
  triggers: ["expiry", "purpose_added", "vendor_added", "policy_version"],
  assume_age: null,
  categories: [
    rule("necessary", { locked: true, default: "granted" }),
    rule("functional"),
    rule("analytics"),
    rule("marketing", { sale: true, gpc: true }),
  ],
  sale_or_share: rule("sale_or_share", { sale: true, gpc: true }),
  ...more,
});

/** As in California: all is granted until somebody says otherwise, and GPC is somebody. */
export const optOut = (more: Partial<Rules> = {}): Rules =>
  optIn({
    regime: "us-ca",
    model: "opt_out",
    surface: "link",
    conflict_rule: "explicit_wins_if_noticed",
    refusal_lapses: false,
    opt_out_status: true,
    categories: optIn().categories.map((one) => ({ ...one, default: "granted" })),
    sale_or_share: rule("sale_or_share", { sale: true, gpc: true, default: "granted" }),
    ...more,
  });

const use = (name: string) => ({ name, purpose: "", lifetime: "" });

export const service = (id: string, category: string, more: Partial<Service> = {}): Service => ({
  id,
  name: id,
  category,
  provider: "",
  policy: "",
  hosts: [],
  cookies: [],
  storage: [],
  ...more,
});

export const bootFor = (rules: Rules = optIn(), more: Partial<Boot> = {}): Boot => ({
  site: SITE,
  version: VERSION,
  regime: { id: rules.regime, model: rules.model },
  signals: { gpc: false, dnt: null },
  language: "en",
  direction: "ltr",
  rules,
  services: [
    service("ga4", "analytics", {
      cookies: [use("_ga"), use("_ga_*")],
      storage: [use("ga:*")],
    }),
    service("pixel", "marketing", { cookies: [use("_px"), use("shared")] }),
    service("player", "functional", { cookies: [use("shared")] }),
  ],
  links: [],
  urls: {},
  texts: {},
  banner: "banner.00000000.js",
  sdk: "00000000",
  ...more,
});

export const choice = (more: Partial<Choice> = {}): Choice => ({
  event_id: "7f9c24e8-3b1a-4f7e-8d2c-5a6b7c8d9e0f",
  action: "save",
  categories: { functional: false, analytics: true, marketing: false },
  services: {},
  notice_version: VERSION,
  language: "en",
  layer: 2,
  control: "save",
  client_time: "2026-11-21T10:00:00.000Z",
  ...more,
});

/** The payload of a visitor token. Times are seconds since 1970. */
export interface Payload {
  g?: number;
  v: string;
  q: number;
  t: number;
  u: number;
  n: string;
  a: string;
  c: Record<string, number>;
  s?: Record<string, number>;
  h?: string[];
  k?: number;
}

export const payload = (more: Partial<Payload> = {}): Payload => {
  const now = Math.floor(Date.now() / 1000);
  return {
    v: "AAAAAAAAAAAAAAAAAAAAAA",
    q: 1,
    t: now - 60,
    u: now + 180 * 86_400,
    n: VERSION,
    a: "save",
    c: { functional: 0, analytics: 1, marketing: 0 },
    h: ["ga4", "pixel", "player"],
    ...more,
  };
};

export const tokenOf = (given: Payload): string =>
  `${Buffer.from(JSON.stringify(given)).toString("base64url")}.c2lnbmF0dXJl`;
