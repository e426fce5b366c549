import { describe, expect, test } from "vitest";
import { bundle, enclosed } from "../bundle.mjs";
import {
  type Allowed,
  chunkOf,
  EVERY,
  type How,
  newWindow,
  type Setup,
  SNIPPETS,
  stand,
  vectors,
} from "./adapters";
import { bootFor, wordsFor } from "./boot";

const CORE = await bundle("index.ts", "iife");
const ACT = enclosed(await bundle("act/index.ts", "esm"));
const CALLS = vectors("vendor-calls");
const GOOGLE = vectors("google-consent-mode");

const yes = (letters: Allowed, kind: string) => letters.includes(kind);
const signal = (letters: Allowed, kind: string) => (yes(letters, kind) ? "granted" : "denied");

// ---------------------------------------------------------------- Google

interface Vector {
  categories: Record<string, boolean>;
  update: object;
}

const DEFAULTS = {
  defaults: [GOOGLE.defaultCall, ...GOOGLE.setCalls],
  regional: [GOOGLE.regionCall],
};

describe("Google Consent Mode", () => {
  const layer = "dataLayer.map((call) => [...call])";

  test.each(GOOGLE.vectors as Vector[])(
    "is updated as the vectors have it: $gcs",
    async (vector) => {
      const page = await stand("google", { options: { defaults: [], regional: [] } });
      const kinds = Object.keys(vector.categories).filter((kind) => vector.categories[kind]);
      page.settle(kinds.map((kind) => kind[0]).join(""));
      expect(page.run(`JSON.stringify(${layer})`)).toBe(
        JSON.stringify([["consent", "update", vector.update]]),
      );
    },
  );

  test("hears the default before anything else, then its regions, byte for byte", async () => {
    const page = await stand("google", { options: DEFAULTS });
    expect(page.run(`JSON.stringify(${layer})`)).toBe(
      JSON.stringify([GOOGLE.defaultCall, ...GOOGLE.setCalls, GOOGLE.regionCall]),
    );
    page.settle("");
    expect(page.json(layer)).toHaveLength(5);
  });

  test("gets arguments objects: of an array its tags take no notice", async () => {
    const page = await stand("google", { options: DEFAULTS });
    page.settle("fam");
    const kinds = "dataLayer.map((call) => Object.prototype.toString.call(call))";
    expect(new Set(page.json(kinds))).toEqual(new Set(["[object Arguments]"]));
  });

  test("hears all seven signals in every update, and one update for each change", async () => {
    const page = await stand("google", { options: DEFAULTS });
    for (const letters of ["", "a", "fam", "fam", ""]) page.settle(letters);
    const updates = page.json(layer).filter(([, verb]: string[]) => verb === "update");
    expect(updates).toHaveLength(4);
    for (const [, , told] of updates) expect(Object.keys(told)).toEqual(GOOGLE.signals);
  });

  test("does not hear the default twice where the snippet's stub has said it", async () => {
    const page = await stand("google", {
      options: DEFAULTS,
      before: "window.holdfire = []; holdfire.google = true; window.dataLayer = []",
    });
    expect(page.json(layer)).toEqual([]);
  });

  test("grants by default in no region where GPC is on", async () => {
    const page = await stand("google", { options: DEFAULTS, gpc: true });
    expect(page.json(layer)).toEqual([GOOGLE.defaultCall, ...GOOGLE.setCalls]);
  });

  test("adds to the page's own data layer, and makes one where markup took its name", async () => {
    const page = await stand("google", { options: DEFAULTS, before: "dataLayer = ['own']" });
    expect(page.json("dataLayer[0]")).toBe("own");
    const clobbered = await stand("google", {
      options: DEFAULTS,
      before: "document.body.innerHTML = '<img id=dataLayer>'",
    });
    expect(clobbered.json(layer)[0]).toEqual(GOOGLE.defaultCall);
  });
});

// ---------------------------------------------------------------- every other, in every state

interface Heard {
  setup?: Setup;
  /** Reads, in the page, all that was said. */
  heard: string;
  /** What was said before anything was decided. */
  first?: unknown[];
  /** What is said of these kinds, which the visitor chose. */
  calls(letters: Allowed): unknown[];
  /** What is said while the visitor is being asked. */
  open: unknown[];
}

/** A global that notes what it is called with. */
const noting = (name: string) => `window.heard = [];
  window.${name} = function () { heard.push([...arguments]); return Promise.resolve(); }`;
/** An object of methods that do. */
const methods = (name: string, ...names: string[]) => `window.heard = [];
  window.${name} = Object.fromEntries(${JSON.stringify(names)}.map((name) =>
    [name, (...all) => { heard.push([name, ...all]); }]))`;

const consents = (status: (kind: string) => number) => ({
  analytics: { status: status("a") },
  ab_testing_and_personalization: { status: status("f") },
  user_feedback: { status: status("f") },
  conversion_tracking: { status: status("m") },
  marketing_automation: { status: status("m") },
  remarketing: { status: status("m") },
});

const amazon = (value: string) => ({
  geo: { countryCode: "DE" },
  amazonConsentFormat: { amznAdStorage: value, amznUserData: value },
  timestamp: "2026-11-21T12:00:00.000Z",
  version: "1",
});

const HEARD: Record<string, Heard> = {
  "microsoft-uet": {
    heard: "uetq",
    first: ["consent", "default", { ad_storage: "denied" }],
    calls: (letters) => ["consent", "update", { ad_storage: signal(letters, "m") }],
    open: ["consent", "update", { ad_storage: "denied" }],
  },
  clarity: {
    heard: "clarity.q.map((call) => [...call])",
    calls: (letters) => [
      ["consentv2", { ad_Storage: signal(letters, "m"), analytics_Storage: signal(letters, "a") }],
    ],
    open: [["consentv2", { ad_Storage: "denied", analytics_Storage: "denied" }]],
  },
  meta: {
    setup: { options: { ldu: false }, before: noting("fbq") },
    heard: "heard",
    calls: (letters) => [["consent", yes(letters, "m") ? "grant" : "revoke"]],
    open: [["consent", "revoke"]],
  },
  tiktok: {
    setup: { before: methods("ttq", "holdConsent", "grantConsent", "revokeConsent") },
    heard: "heard",
    calls: (letters) => [[yes(letters, "m") ? "grantConsent" : "revokeConsent"]],
    open: [["holdConsent"]],
  },
  pinterest: {
    setup: { before: noting("pintrk") },
    heard: "heard",
    calls: (letters) => [["setconsent", yes(letters, "m")]],
    open: [["setconsent", false]],
  },
  reddit: {
    setup: { before: noting("rdt") },
    heard: "heard",
    calls: (letters) => [[`${yes(letters, "m") ? "en" : "dis"}ableFirstPartyCookies`]],
    open: [["disableFirstPartyCookies"]],
  },
  amazon: {
    setup: { options: { country: "DE" } },
    heard: `document.cookie.split("; ").filter(Boolean).map((one) => one.split("="))
      .map(([name, value]) => [name, JSON.parse(decodeURIComponent(value))])`,
    calls: (letters) => [["amzn_consent", amazon(yes(letters, "m") ? "GRANTED" : "DENIED")]],
    open: [],
  },
  adobe: {
    setup: { options: { version: "2.0", instance: "alloy" }, before: noting("alloy") },
    heard: "heard",
    calls: (letters) => {
      const val = yes(letters, "a") ? "y" : "n";
      const value = { collect: { val }, metadata: { time: "2026-11-21T12:00:00.000Z" } };
      return [["setConsent", { consent: [{ standard: "Adobe", version: "2.0", value }] }]];
    },
    open: [],
  },
  posthog: {
    setup: {
      before: `${methods("posthog", "opt_in_capturing", "opt_out_capturing")}
        posthog.__loaded = true`,
    },
    heard: "heard",
    calls: (letters) => [
      yes(letters, "a") ? ["opt_in_capturing", { captureEventName: false }] : ["opt_out_capturing"],
    ],
    open: [["opt_out_capturing"]],
  },
  matomo: {
    setup: { options: { cookies_only: false } },
    heard: "_paq",
    first: [["requireConsent"]],
    calls: (letters) => [[yes(letters, "a") ? "setConsentGiven" : "forgetConsentGiven"]],
    open: [],
  },
  "piwik-pro": {
    setup: { options: { data_layer: "dataLayer" } },
    heard: "(window.dataLayer ?? []).map(({ event, parameters }) => [event, parameters[0]])",
    calls: (letters) => [
      [
        "ppms.cm:setComplianceSettings",
        { consents: consents((kind) => Number(yes(letters, kind))) },
      ],
    ],
    open: [["ppms.cm:setInitialComplianceSettings", { consents: Object.keys(consents(() => 0)) }]],
  },
  shopify: {
    setup: {
      options: { headless: { headlessStorefront: true, storefrontAccessToken: "public" } },
      before: `window.heard = []; window.Shopify = { customerPrivacy: {
        setTrackingConsent: (consent, done) => heard.push([consent, typeof done]) } }`,
    },
    heard: "heard",
    calls: (letters) => [
      [
        {
          analytics: yes(letters, "a"),
          marketing: yes(letters, "m"),
          preferences: yes(letters, "f"),
          sale_of_data: yes(letters, "m"),
          headlessStorefront: true,
          storefrontAccessToken: "public",
        },
        "function",
      ],
    ],
    open: [],
  },
  wordpress: {
    setup: {
      before: `window.heard = []; window.wp_set_consent = (...all) => heard.push(all)`,
    },
    heard: "heard",
    calls: (letters) => [
      ["functional", "allow"],
      ["preferences", yes(letters, "f") ? "allow" : "deny"],
      ["statistics", yes(letters, "a") ? "allow" : "deny"],
      ["statistics-anonymous", yes(letters, "a") ? "allow" : "deny"],
      ["marketing", yes(letters, "m") ? "allow" : "deny"],
    ],
    open: [
      ["functional", "allow"],
      ...["preferences", "statistics", "statistics-anonymous", "marketing"].map((name) => [
        name,
        "deny",
      ]),
    ],
  },
  tealium: {
    setup: {
      options: { categories: { c1: ["analytics"], c2: ["marketing", "functional"] } },
      before: `window.utag = {}; ${methods("utag.gdpr", "setPreferencesValues")}`,
    },
    heard: "heard",
    calls: (letters) => [
      [
        "setPreferencesValues",
        {
          c1: Number(yes(letters, "a")),
          c2: Number(yes(letters, "m") && yes(letters, "f")),
        },
      ],
    ],
    open: [],
  },
  zaraz: {
    setup: {
      options: { purposes: { dQOe: ["analytics"], aXbY: ["marketing"] } },
      before: `window.zaraz = {}; ${methods("zaraz.consent", "set")}`,
    },
    heard: "heard",
    calls: (letters) => [["set", { dQOe: yes(letters, "a"), aXbY: yes(letters, "m") }]],
    open: [["set", { dQOe: false, aXbY: false }]],
  },
  hubspot: {
    heard: "(window._hsp ?? [])",
    calls: (letters) => [
      [
        "setHubSpotConsent",
        {
          analytics: yes(letters, "a"),
          advertisement: yes(letters, "m"),
          functionality: yes(letters, "f"),
        },
      ],
      ...(letters ? [] : [["revokeCookieConsent"]]),
    ],
    open: [["setHubSpotConsent", { analytics: false, advertisement: false, functionality: false }]],
  },
  event: {
    setup: {
      options: { name: "consent_status", data_layer: "dataLayer", window_event: "ucEvent" },
      before: `window.heard = [];
        addEventListener("ucEvent", ({ detail }) => heard.push([detail, dataLayer.at(-1) === detail]))`,
    },
    heard: "heard",
    calls: (letters) => {
      const both = { analytics: yes(letters, "a"), marketing: yes(letters, "m") };
      const action = "onInitialPageLoad";
      const services = { counter: both.analytics, pixel: both.marketing };
      const event = "consent_status";
      return [[{ ...services, event, type: "explicit", action, ucCategory: both }, true]];
    },
    open: [
      [
        {
          ...{ counter: false, pixel: false, event: "consent_status", type: "implicit" },
          ...{ action: "onInitialPageLoad", ucCategory: { analytics: false, marketing: false } },
        },
        true,
      ],
    ],
  },
};

/** Those that hear of single categories, and not of kinds. */
const BY_ID = ["tealium", "zaraz", "event"];

describe.each(Object.entries(HEARD))("%s", (name, { setup, heard, first = [], calls, open }) => {
  test.each(EVERY)("hears exactly what is allowed: %j", async (letters) => {
    const page = await stand(name, setup);
    page.settle(letters);
    expect(page.json(heard)).toEqual([...first, ...calls(letters)]);
  });

  test("hears no yes while the visitor is being asked", async () => {
    const page = await stand(name, setup);
    page.settle("", { chosen: false });
    expect(page.json(heard)).toEqual([...first, ...open]);
  });

  test("hears nothing anew where nothing changed", async () => {
    const page = await stand(name, setup);
    page.settle("fam");
    page.settle("fam");
    expect(page.json(heard)).toEqual([...first, ...calls("fam")]);
  });
});

describe.each(Object.entries(HEARD).filter(([name]) => !BY_ID.includes(name)))(
  "%s, which hears of kinds",
  (name, { setup, heard, first = [], calls }) => {
    test("hears no yes where a service was refused", async () => {
      const page = await stand(name, setup);
      page.settle("c");
      expect(page.json(heard)).toEqual([...first, ...calls("")]);
    });
  },
);

describe("what is said", () => {
  test("is written as the providers have it", () => {
    expect(CALLS.clarity.case).toContain("ad_Storage");
    expect(CALLS.matomo.queue).toContainEqual(["forgetConsentGiven"]);
    expect(CALLS.wordpress.categories).toEqual(
      HEARD.wordpress?.calls("").map((call) => (call as string[])[0]),
    );
    expect(Object.keys(amazon("")).sort()).toEqual(
      Object.keys(CALLS.amazon.valueUrlEncoded).sort(),
    );
  });
});

// ---------------------------------------------------------------- a sale that is opposed

describe("where a sale is opposed in an opt-out regime", () => {
  const opposed: How = { sale: false, chosen: false, prompt: "link" };

  test.each([
    ["google", { defaults: [], regional: [] }, "", "dataLayer[0][2].ad_user_data", "denied"],
    ["microsoft-uet", {}, "", "uetq.at(-1).ad_storage", "denied"],
    ["pinterest", {}, noting("pintrk"), "heard[0][1]", false],
    ["reddit", {}, noting("rdt"), "heard[0][0]", "disableFirstPartyCookies"],
    ["hubspot", {}, "", "_hsp[0][1].advertisement", false],
  ])("%s is told of no advertising, though its category is allowed", async (...row) => {
    const [name, options, before, heard, expected] = row;
    const page = await stand(name, { options, before, model: "opt_out" });
    page.settle("fam", opposed);
    expect(page.json(heard)).toBe(expected);
  });

  test("Meta runs limited if the owner says so, and stops if not", async () => {
    const before = noting("fbq");
    const limited = await stand("meta", { options: { ldu: true }, before, model: "opt_out" });
    limited.settle("fam", opposed);
    limited.settle("fam");
    limited.settle("");
    expect(limited.json("heard")).toEqual([
      ["dataProcessingOptions", ["LDU"], 0, 0],
      ["consent", "grant"],
      ["dataProcessingOptions", []],
      ["consent", "grant"],
      ["dataProcessingOptions", ["LDU"], 0, 0],
      ["consent", "revoke"],
    ]);
    const full = await stand("meta", { options: { ldu: false }, before, model: "opt_out" });
    full.settle("fam", opposed);
    expect(full.json("heard")).toEqual([["consent", "revoke"]]);
  });
});

// ---------------------------------------------------------------- tags that come later

describe("a tag whose snippet comes after us", () => {
  test.each([
    [
      "meta",
      "fbq.queue",
      [
        ["consent", "revoke"],
        ["init", "1"],
        ["track", "PageView"],
      ],
    ],
    ["tiktok", "ttq", [["revokeConsent"], ["page"]]],
    ["pinterest", "pintrk.queue", [["setconsent", false], ["load", "1"], ["page"]]],
    [
      "reddit",
      "rdt.callQueue",
      [["disableFirstPartyCookies"], ["init", "1"], ["track", "PageVisit"]],
    ],
  ] as const)("%s hears of us first, and is loaded as ever", async (name, heard, expected) => {
    const page = await stand(name, { options: { ldu: false } });
    page.settle("");
    page.run(SNIPPETS[name]);
    expect(page.json(`[...${heard}]`)).toEqual(expected);
    expect(page.json("loads")).toBeTruthy();
  });

  test("hears each change once it is there", async () => {
    const page = await stand("meta", { options: { ldu: false } });
    page.settle("");
    page.run(SNIPPETS.meta);
    page.settle("m");
    page.settle("");
    expect(page.json("fbq.queue.filter(([name]) => name === 'consent')")).toEqual([
      ["consent", "revoke"],
      ["consent", "grant"],
      ["consent", "revoke"],
    ]);
  });

  test("is not there for the page before it is", async () => {
    for (const [name, global] of Object.entries({
      meta: "fbq",
      segment: "analytics",
      tiktok: "ttq",
    })) {
      const page = await stand(name, { options: { ldu: false, categories: {} } });
      page.settle("");
      expect(page.run(`typeof ${global}`)).toBe("undefined");
    }
  });

  test("may be declared as a function by the page", async () => {
    const page = await stand("pinterest");
    page.settle("");
    page.run("var heard = []; function pintrk(...all) { heard.push(all); }");
    page.settle("m");
    expect(page.json("heard")).toEqual([["setconsent", true]]);
  });

  test("Adobe's is told after its configuration, and again until it has heard", async () => {
    const page = await stand("adobe", { options: { version: "1.0", instance: "alloy" } });
    page.settle("a");
    page.run(SNIPPETS.adobe);
    await page.run("Promise.resolve()");
    const queued = page.json("alloy.q.map(([, , call]) => call[0])");
    expect(queued.indexOf("configure")).toBeLessThan(queued.lastIndexOf("setConsent"));
    page.run("alloy.q.forEach(([heard, , call]) => call[0] === 'setConsent' && heard())");
    await page.run("Promise.resolve()");
    page.run("alloy.q.length = 0; alloy('sendEvent', {})");
    expect(page.json("alloy.q.map(([, , call]) => call[0])")).toEqual(["sendEvent"]);
  });

  test("PostHog's is told after its start, by its stub and by itself", async () => {
    const page = await stand("posthog");
    page.settle("");
    page.run(SNIPPETS.posthog);
    expect(page.json("[...posthog]")).toEqual([["opt_out_capturing"], ["capture", "seen"]]);
    page.run(`var heard = []; posthog = { init() { this.__loaded = true; },
      opt_in_capturing() { heard.push("in"); }, opt_out_capturing() { heard.push("out"); } };
      posthog.init()`);
    await page.run("Promise.resolve()");
    expect(new Set(page.json("heard"))).toEqual(new Set(["out"]));
    page.run("heard.length = 0");
    page.settle("a");
    expect(new Set(page.json("heard"))).toEqual(new Set(["in"]));
  });

  test("Segment's events carry what is allowed, and none leaves while nothing is", async () => {
    const categories = { analytics: ["analytics"], Ads: ["marketing"] };
    const page = await stand("segment", { options: { categories } });
    page.settle("");
    page.run(SNIPPETS.segment);
    expect(page.json("[...analytics].map(([name]) => name)")).toEqual([
      "addSourceMiddleware",
      "page",
    ]);
    page.run(`var passed = []; var [, stamp] = analytics[0];
      var send = () => stamp({ payload: { obj: { context: { ip: "0.0.0.0" } } },
        next: ({ obj }) => passed.push(obj.context) });
      send()`);
    page.settle("a");
    page.run("send()");
    page.settle("");
    page.run("send()");
    expect(page.json("passed")).toEqual([
      { ip: "0.0.0.0", consent: { categoryPreferences: { analytics: true, Ads: false } } },
    ]);
    expect(page.json("[...analytics].filter(([name]) => name === 'track')")).toEqual([
      ["track", "Segment Consent Preference Updated"],
      ["track", "Segment Consent Preference Updated"],
    ]);
  });

  test("Zaraz is told when it says that it is there", async () => {
    const page = await stand("zaraz", { options: { purposes: { dQOe: ["analytics"] } } });
    page.settle("a");
    page.run(`var heard = []; var zaraz = { consent: { set: (all) => heard.push(all) } };
      document.dispatchEvent(new Event("zarazConsentAPIReady"));
      document.dispatchEvent(new Event("zarazConsentAPIReady"))`);
    expect(page.json("heard")).toEqual([{ dQOe: true }]);
  });

  test("Shopify's is loaded by the shop's own loader, and hears what holds by then", async () => {
    const page = await stand("shopify", { options: { headless: {} } });
    page.settle("a");
    page.run(`var heard = []; var asked = []; Shopify = { loadFeatures: (all, done) => {
      asked.push(all); window.arrive = () => { Shopify.customerPrivacy =
        { setTrackingConsent: (one) => heard.push(one.analytics) }; done(); } } }; Shopify`);
    expect(page.json("asked")).toEqual([[{ name: "consent-tracking-api", version: "0.1" }]]);
    page.settle("");
    page.run("arrive()");
    expect(page.json("heard")).toEqual([false]);
    expect(page.errors).toEqual([]);
  });

  test("WordPress is told by events until its own function is there", async () => {
    const page = await stand("wordpress", {
      before: `window.heard = [];
        document.addEventListener("wp_consent_type_defined", () => heard.push(wp_consent_type));
        document.addEventListener("wp_listen_for_consent_change", ({ detail }) =>
          heard.push({ ...detail }))`,
    });
    page.settle("");
    expect(page.json("heard")).toEqual([
      "optin",
      { functional: "allow" },
      { preferences: "deny" },
      { statistics: "deny" },
      { "statistics-anonymous": "deny" },
      { marketing: "deny" },
    ]);
    page.run("heard.length = 0");
    page.settle("f");
    expect(page.json("heard")).toEqual([{ preferences: "allow" }]);
    page.run(`heard.length = 0; window.wp_set_consent = (...all) => heard.push(all);
      dispatchEvent(new Event("load")); dispatchEvent(new Event("load"))`);
    expect(page.json("heard")).toHaveLength(5);
    expect(page.json("heard[1]")).toEqual(["preferences", "allow"]);
  });

  test("WordPress knows that silence is consent where it is", async () => {
    const page = await stand("wordpress", { model: "opt_out" });
    expect(page.run("wp_consent_type")).toBe("optout");
  });

  test("Matomo, not loaded yet, does not hear of a consent that was taken back", async () => {
    const page = await stand("matomo", { options: { cookies_only: true } });
    page.settle("a");
    page.settle("");
    expect(page.json("_paq")).toEqual([["requireCookieConsent"], ["forgetCookieConsentGiven"]]);
  });

  test("Tealium without categories hears one yes or no", async () => {
    const page = await stand("tealium", { options: { categories: {} } });
    page.settle("fa");
    page.run(`utag = {}; ${methods("utag.gdpr", "setConsentValue")}; utag`);
    page.settle("fam");
    expect(page.json("heard")).toEqual([
      ["setConsentValue", 0],
      ["setConsentValue", 1],
    ]);
  });
});

// ---------------------------------------------------------------- hostile pages

describe("on a hostile page", () => {
  test("a tag that throws is told again, at its next use and at the next change", async () => {
    const page = await stand("pinterest", {
      before: "window.heard = []; window.pintrk = () => { throw new Error('no') }",
    });
    expect(() => page.settle("")).toThrow("no");
    page.run("pintrk = (...all) => heard.push(all)");
    expect(page.json("heard")).toEqual([["setconsent", false]]);
    page.settle("");
    expect(page.json("heard")).toHaveLength(2);
  });

  test("a frozen queue is reported, and told once it no longer is", async () => {
    const page = await stand("google", {
      options: { defaults: [], regional: [] },
      before: "window.dataLayer = Object.freeze([])",
    });
    expect(() => page.settle("")).toThrow();
    page.run("dataLayer = []");
    page.settle("");
    expect(page.json("dataLayer.length")).toBe(1);
  });

  test("what a tag does to what it was told changes nothing of what it is told next", async () => {
    const page = await stand("clarity", {
      before: `window.heard = []; window.clarity = (name, told) => {
        heard.push({ ...told }); told.ad_Storage = told.analytics_Storage = "denied" }`,
    });
    page.settle("am");
    page.settle("");
    expect(page.json("heard[1]")).toEqual({ ad_Storage: "denied", analytics_Storage: "denied" });
  });

  test("a name that cannot be watched is spoken to all the same", async () => {
    const page = await stand("pinterest", {
      before: `window.heard = []; Object.defineProperty(window, "pintrk",
        { value: (...all) => heard.push(all), configurable: false, writable: true })`,
    });
    page.settle("m");
    page.settle("");
    expect(page.json("heard")).toEqual([
      ["setconsent", true],
      ["setconsent", false],
    ]);
    page.part.stop?.();
  });

  test("texts that the page makes of arrays do not hide a withdrawal", async () => {
    const page = await stand("google", { options: { defaults: [], regional: [] } });
    page.run("Array.prototype.toJSON = Object.prototype.toJSON = () => 1");
    page.settle("fam");
    page.settle("");
    expect(page.run("dataLayer[1][2].ad_storage")).toBe("denied");
  });
});

test("what is watched is given back when the page stops us", async () => {
  const page = await stand("meta", { options: { ldu: false } });
  page.settle("");
  page.run(SNIPPETS.meta);
  page.part.stop?.();
  expect(page.json("typeof Object.getOwnPropertyDescriptor(window, 'fbq').value")).toBe("function");
  page.run("fbq('track', 'after')");
  expect(page.json("fbq.queue.at(-1)")).toEqual(["track", "after"]);
});

// ---------------------------------------------------------------- with the core

describe("in the boot script", () => {
  test("a tag finds told what holds when it is released, and again when it is not", async () => {
    const window = newWindow();
    window.document.body.innerHTML = `<script type="text/plain" data-category="analytics">
      window.seen = dataLayer.at(-1)[2].analytics_storage</script>`;
    const options = {
      ...DEFAULTS,
      kinds: { functional: [], analytics: ["analytics"], marketing: [] },
    };
    const inlined = `{chunks:{__proto__:null,act:${ACT},"adapter-google":${await chunkOf("google")}},
      words:${JSON.stringify(wordsFor())},parts:[["adapter-google",${JSON.stringify(options)}]]}`;
    window.eval(`!function(HOLDFIRE_BOOT,HOLDFIRE_INLINED){${CORE}\n}
      (${JSON.stringify(bootFor())},${inlined})`);
    await null; // it begins when its script has ended
    const last = () => window.eval("dataLayer.at(-1)[2].analytics_storage");
    expect(last()).toBe("denied");
    window.eval("holdfire.acceptAll()");
    await expect.poll(() => window.eval("window.seen")).toBe("granted");
    window.eval("holdfire.withdraw()");
    expect(last()).toBe("denied");
  });
});
