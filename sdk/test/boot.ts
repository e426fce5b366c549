/** Boot scripts, acts and tokens to test with: strict (opt-in) unless a test says otherwise. */

import type {
  Act,
  Boot,
  CategoryRule,
  Choice,
  Disclosed,
  Refusal,
  Rules,
  Service,
  Words,
} from "../src/types";

export const SITE = "demo";
export const VERSION = "0123456789abcdef";

export const rule = (id: string, more: Partial<CategoryRule> = {}): CategoryRule => ({
  id,
  locked: false,
  sale: false,
  sensitive: false,
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
  ask_age: false,
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

export const service = (id: string, category: string, more: Partial<Service> = {}): Service => ({
  id,
  category,
  cookies: [],
  storage: [],
  ...more,
});

/** What the visitor is told of a service. */
export const disclosed = (
  id: string,
  category: string,
  more: Partial<Disclosed> = {},
): Disclosed => ({
  id,
  name: id,
  category,
  text: "",
  legal_basis: "consent",
  recipients: [],
  provider: "",
  policy: "",
  cookies: [],
  storage: [],
  ...more,
});

export const bootFor = (rules: Rules = optIn(), more: Partial<Boot> = {}): Boot => ({
  site: SITE,
  version: VERSION,
  rules,
  language: "en",
  services: [
    service("ga4", "analytics", { cookies: ["_ga", "_ga_*"], storage: ["ga:*"] }),
    service("pixel", "marketing", { cookies: ["_px", "shared"] }),
    service("player", "functional", { cookies: ["shared"] }),
  ],
  links: [],
  look: {},
  signals: { gpc: false, dnt: null },
  sdk: "00000000",
  words: "11111111",
  ...more,
});

/** All that is said in one language, or with no `languages`, what came along to say first. */
export const wordsFor = (language = "en", more: Partial<Words> = {}): Words => ({
  language,
  direction: "ltr",
  texts: {},
  urls: {},
  services: [],
  languages: { en: "English", de: "Deutsch" },
  more: true,
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

/** What a button of the first layer makes. */
export const pressed = (action: "accept_all" | Refusal): Act => {
  const granted = action === "accept_all";
  return {
    action,
    categories: { functional: granted, analytics: granted, marketing: granted },
    services: {},
    layer: 1,
    control: action,
    language: "en",
  };
};

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
  y?: number;
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
