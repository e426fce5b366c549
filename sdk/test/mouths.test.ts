/**
 * One state, many mouths: whatever happens to a visitor, in whatever order, all that is told of
 * what holds is the same thing, and is what the policy makes of the same inputs. Nothing that was
 * told is ever read back: here every mouth is lied over before each step.
 */

import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import fc from "fast-check";
import { Window } from "happy-dom";
import { expect, test } from "vitest";
import { enclosed } from "../bundle.mjs";
import { DAY, decide, decideService } from "../src/policy";
import type { Boot, Choice, Decision, Prior, Rules, Snapshot, Table } from "../src/types";
import { bootFor, optIn, optOut, payload, rule, SITE, tokenOf } from "./boot";
import { turn } from "./page";

// ---------------------------------------------------------------- what can happen

const PLACES: Table<Rules> = {
  opt_in: optIn(),
  strict: optIn({ conflict_rule: "signal_wins_until_reconfirmed", choice_days: 90 }),
  opt_out: optOut(),
  notice: optOut({
    ...{ regime: "notice", model: "notice", surface: "notice", opt_out_status: false },
    categories: [
      rule("necessary", { locked: true, default: "granted" }),
      rule("functional", { default: "granted", exempt: true }),
      rule("analytics", { default: "granted", dnt: true }),
      rule("marketing", { default: "granted", sale: true, gpc: true, minors: [] }),
    ],
  }),
};
const CATEGORIES = ["necessary", "functional", "analytics", "marketing"];
const UNLOCKED = CATEGORIES.slice(1);
const SERVICES = ["ga4", "pixel", "player"];
const IDS = [...CATEGORIES, ...SERVICES, "unheard-of"];

const flag = fc.boolean();
const named = (ids: readonly string[], requiredKeys: [] | undefined) =>
  fc.record(Object.fromEntries(ids.map((id) => [id, flag])), requiredKeys ? { requiredKeys } : {});
const step = fc.oneof(
  fc.record({ kind: fc.constant("place" as const), at: fc.constantFrom(...Object.keys(PLACES)) }),
  fc.record({
    kind: fc.constant("signal" as const),
    gpc: flag,
    dnt: fc.constantFrom(null, true, false),
  }),
  fc.record({
    kind: fc.constant("verb" as const),
    verb: fc.constantFrom("acceptAll" as const, "rejectAll" as const, "withdraw" as const),
  }),
  fc.record({
    kind: fc.constant("choose" as const),
    choosing: named([...UNLOCKED, "ga4"], []).filter((one) => Object.keys(one).length > 0),
  }),
  fc.record({ kind: fc.constant("time" as const), days: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ kind: fc.constant("tab" as const), categories: named(UNLOCKED, undefined) }),
  fc.record({ kind: fc.constant("service" as const), up: flag }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

// ---------------------------------------------------------------- a page with every mouth

/** Bundled and minified; the build's own minifier takes seconds. */
const bundled = async (contents: string, format: "iife" | "esm"): Promise<string> => {
  const resolveDir = fileURLToPath(new URL("../src", import.meta.url));
  const { outputFiles } = await build({
    stdin: { contents, resolveDir },
    ...{ bundle: true, minify: true, format, target: "es2022", write: false },
    tsconfigRaw: { compilerOptions: { strict: true } },
  });
  return outputFiles[0]?.text.trimEnd() ?? "";
};
const chunk = async (path: string) => enclosed(await bundled(`export * from "./${path}";`, "esm"));
const CORE = await bundled(
  `import { start } from "./start"; import { adopt } from "./natives";
   window.startHoldfire = (boot, origin) => start(adopt(boot), origin);`,
  "iife",
);
const ACT = await chunk("act/index");
const COURIER = await chunk("courier/index");
const CHUNKS = {
  "adapter-google": await chunk("adapters/google"),
  frames: await chunk("frames/index"),
  native: await chunk("native/index"),
  // A mouth of the test's own, which notes what it is told before any tag feels it.
  teller: `()=>({open:(host)=>({settle:(snapshot)=>{
    mouths.standing=()=>host.memory.recall(host.now());
    mouths.part=snapshot;mouths.asked=mouths.ids.map((id)=>host.decision(id));
    mouths.early&&=mouths.lent===null||mouths.lent===document.querySelectorAll("img[src]").length;
    mouths.lent=null}})})`,
};
const KINDS = { functional: ["functional"], analytics: ["analytics"], marketing: ["marketing"] };
const PARTS = [
  ["teller", {}],
  ["adapter-google", { kinds: KINDS, defaults: [], regional: [] }],
  ["frames", { origins: ["https://widget.test"] }],
  ["native", {}],
];

/** Elements with every kind of mark: [category, service]. */
const MARKS: readonly (readonly [string | null, string | null])[] = [
  ...CATEGORIES.map((id) => [id, null] as const),
  ...[...SERVICES, "unheard-of"].map((id) => [null, id] as const),
  ["analytics", "pixel"],
  ["marketing", "ga4"],
  ["functional", "unheard-of"],
];
const marksOf = ([category, service]: (typeof MARKS)[number]) =>
  (category ? ` data-category="${category}"` : "") + (service ? ` data-service="${service}"` : "");
const HTML = MARKS.map(
  (marks, at) =>
    `<img id="i${at}"${marksOf(marks)} data-src="https://third.test/${at}.gif">
     <script type="text/plain" id="s${at}"${marksOf(marks)}>ran.push(${at})</script>`,
).join("");

/** Runs in the page before the core does: its clock, its signals, and ears for every mouth. */
const EARS = `
  const began = Date.now();
  window.ahead = 0; window.ran = []; window.said = { gpc: false, dnt: null };
  Date.now = () => began + ahead * 1000;
  performance.now = () => 0;
  Object.defineProperty(navigator, "globalPrivacyControl", { get: () => said.gpc });
  Object.defineProperty(navigator, "doNotTrack", {
    get: () => (said.dnt === null ? null : said.dnt ? "1" : "0"),
  });
  window.mouths = { ids: ${JSON.stringify(IDS)}, lent: 0, early: true, changes: [], app: [], frame: [], woken: [], errors: [] };
  window.holdfireHost = { postMessage: (text) => mouths.app.push(JSON.parse(text)) };
  window.MessageChannel = class {
    port1 = { postMessage: (told) => mouths.frame.push(JSON.parse(JSON.stringify(told))), close() {} };
    port2 = {};
  };
  window.holdfire = [(api) => {
    const note = ({ snapshot }) => mouths.changes.push(snapshot);
    for (const id of mouths.ids) api.when(id, () => mouths.woken.push(id));
    api.on("ready", note);
    api.on("change", note);
    api.on("error", ({ cause }) => mouths.errors.push(String(cause)));
  }];`;

/** A frame that the site listed asks what holds. */
const ASK = `{
  const asking = new MessageEvent("message", {
    data: { holdfire: 1, ask: "0123456789abcdef" }, origin: "https://widget.test",
  });
  Object.defineProperty(asking, "source", { value: { parent: window, postMessage() {} } });
  window.dispatchEvent(asking);
}`;

/** All that is told of what holds, by whom it is told. */
interface Mouths {
  decisions: Table<Decision>;
  allowed: Table<boolean>;
  ran: string[];
  changes: Snapshot[];
  part: Snapshot;
  /** The act that stands: another one that decides alike is told to nobody. */
  prior: Prior | null;
  asked: Decision[];
  early: boolean;
  app: { decisions: Table<Decision>; sale_or_share: Decision; prompt: string }[];
  frame: { decisions: Table<Decision> }[];
  layer: [string, string, Table<string>][];
  images: boolean[];
  scripts: number[];
  /** What waited since the page began. */
  woken: string[];
  errors: string[];
}

/** Lets a chunk arrive, and the service answer. */
const turns = async () => {
  for (let waits = 0; waits < 4; waits++) await turn();
};

class Visitor {
  /** The marks and ids that were allowed at any time on this page: what runs once has run. */
  readonly ever = new Set<number>();
  readonly allowed = new Set<string>();
  page: Window;
  boot: Boot = bootFor();
  /** Seconds that have passed. */
  ahead = 0;
  up = true;
  said: Snapshot["signals"] = { gpc: false, dnt: null };
  seq = 0;
  /** What was said last, as far as it was named. */
  last: Table<boolean> | null = null;

  constructor(readonly place: string) {
    this.page = this.open(place, {});
  }

  run(script: string): unknown {
    return this.page.eval(script);
  }

  open(place: string, kept: Record<string, string>): Window {
    this.boot = bootFor(PLACES[place]);
    this.ever.clear();
    this.allowed.clear();
    const page = new Window({
      url: "https://shop.test/",
      settings: {
        enableJavaScriptEvaluation: true,
        suppressInsecureJavaScriptEnvironmentWarning: true,
        disableIframePageLoading: true,
      },
    });
    this.page = page;
    for (const [key, value] of Object.entries(kept)) page.localStorage.setItem(key, value);
    // What waits for the next picture, or for its turn, does not wait here.
    const wait = page.setTimeout.bind(page);
    Object.assign(page, {
      setTimeout: (task: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
        ms ? wait(task, ms, ...given) : task(...given),
      requestAnimationFrame: (task: () => void) => task(),
      load: async (address: string) =>
        address.includes("/courier.")
          ? page.eval(`(${COURIER})()`)
          : Promise.reject(new Error("-")),
      fetch: async (_: string, init: { body?: string }) => this.answer(init.body),
    });
    page.console.error = () => {};
    page.document.body.innerHTML = HTML;
    this.run(`${EARS};ahead = ${this.ahead}; said = ${JSON.stringify(this.said)}`);
    this.run(CORE);
    const chunks = Object.entries(CHUNKS).map(([name, text]) => `,"${name}":${text}`);
    this.run(`startHoldfire(${JSON.stringify(this.boot)}, {
      base: "https://consent.test", nonce: "", declared: "", load: (address) => load(address),
      inlined: { chunks: { __proto__: null, act: ${ACT}${chunks.join("")} }, words: null,
        parts: ${JSON.stringify(PARTS)} } })`);
    this.run(ASK);
    return page;
  }

  answer(body: string | undefined) {
    if (!this.up || !body) throw new TypeError("Failed to fetch");
    const { event_id, client_time, action, categories, services }: Choice = JSON.parse(body);
    const t = Math.floor(Date.parse(client_time) / 1000);
    const numbers = (flags: Table<boolean>) =>
      Object.fromEntries(Object.entries(flags).map(([id, one]) => [id, +one]));
    const token = tokenOf(
      payload({
        ...{ q: ++this.seq, t, u: t + 180 * DAY, a: action },
        ...{ c: numbers(categories), s: numbers(services) },
      }),
    );
    const answer = JSON.stringify({ event_id, token });
    return { status: 201, text: async () => answer, headers: new Headers() };
  }

  /** What is told may be changed by whoever hears it: it must come to nothing. */
  lie(): void {
    this.run(`
      window.dataLayer?.splice(0); window.dataLayer?.push(["consent", "update", { lie: "granted" }]);
      for (const mark of document.querySelectorAll("img")) mark.dataset.lie = "allowed";
      mouths.lent = document.querySelectorAll("img[src]").length;
      mouths.changes.splice(0, mouths.changes.length - 1);
      mouths.early = true;`);
  }

  async take(one: Step): Promise<void> {
    this.lie();
    if (one.kind === "place") {
      const kept = { ...this.page.localStorage } as Record<string, string>;
      const old = this.page;
      this.open(one.at, kept);
      await old.happyDOM.close();
    } else if (one.kind === "signal") {
      this.said = { gpc: one.gpc, dnt: one.dnt };
      this.run(`said = ${JSON.stringify(this.said)}; window.dispatchEvent(new Event("online"))`);
    } else if (one.kind === "time") {
      this.ahead += one.days * DAY;
      // What could not be delivered in time is given up, and does not stand for ever.
      if (!this.up) this.last = null;
      this.run(`ahead = ${this.ahead}; window.dispatchEvent(new Event("online"))`);
    } else if (one.kind === "verb") {
      this.last = Object.fromEntries(UNLOCKED.map((id) => [id, one.verb === "acceptAll"]));
      this.run(`holdfire.${one.verb}()`);
    } else if (one.kind === "choose") {
      this.run(`holdfire.choose(${JSON.stringify(one.choosing)})`);
      const said = Object.entries(one.choosing).filter(([id]) => UNLOCKED.includes(id));
      this.last = Object.fromEntries(said) as Table<boolean>;
    } else if (one.kind === "tab") {
      this.last = one.categories as Table<boolean>;
      this.run(`localStorage.setItem("holdfire:${SITE}", ${JSON.stringify(this.kept(one))});
        window.dispatchEvent(new StorageEvent("storage", { key: "holdfire:${SITE}" }))`);
    } else {
      this.up = one.up;
      this.run(`window.dispatchEvent(new Event("online"))`);
    }
    await turns();
  }

  /** What another tab keeps of an act of its own. */
  kept({ categories }: { categories: object }): string {
    const now = this.now();
    const all = !Object.values(categories).includes(false);
    return JSON.stringify({
      ...payload({
        v: "",
        q: this.seq,
        t: now,
        u: now + 180 * DAY,
        a: all ? "accept_all" : "save",
      }),
      c: Object.fromEntries(Object.entries(categories).map(([id, one]) => [id, +one])),
      ...{ e: `00000000-0000-4000-8000-${String(now).padStart(12, "0")}`, p: 1 },
    });
  }

  now(): number {
    return Number(this.run("Math.floor(Date.now() / 1000)"));
  }

  told(): Mouths {
    const told = this.run(`JSON.stringify({
      ...mouths, prior: mouths.standing(), scripts: [...new Set(ran)],
      decisions: Object.fromEntries(mouths.ids.map((id) => [id, holdfire.decision(id)])),
      allowed: Object.fromEntries(mouths.ids.map((id) => [id, holdfire.allowed(id)])),
      layer: (window.dataLayer ?? []).map((call) => [...(call.length ? call : [])]),
      images: ${JSON.stringify(MARKS)}.map((_, at) => document.getElementById("i" + at).hasAttribute("src")),
    })`);
    return JSON.parse(String(told));
  }

  /** What waits is run exactly where it is allowed. */
  async waited(): Promise<string[]> {
    this.run(`window.woken = []; window.cancels = mouths.ids.map((id) =>
      holdfire.when(id, () => woken.push(id)))`);
    await turn();
    return JSON.parse(String(this.run("cancels.forEach((off) => off()); JSON.stringify(woken)")));
  }
}

// ---------------------------------------------------------------- what must agree

/** What the policy makes of the inputs, as the service would decide it too. */
const expectedOf = (visitor: Visitor, prior: Prior | null) => {
  const { rules, version, services } = visitor.boot;
  const decided = decide(rules, {
    ...{ now: visitor.now(), notice_version: version, services: services.map(({ id }) => id) },
    ...{ signals: visitor.said, prior, age: null, known: false, parental: false },
  });
  const own = services.map((one) => [one.id, decideService(one, decided, prior)] as const);
  return { ...decided, services: Object.fromEntries(own) };
};

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value));

const agree = async (visitor: Visitor): Promise<void> => {
  const told = visitor.told();
  const snapshot = told.changes.at(-1) as Snapshot;
  const { categories, services, sale_or_share, prompt, opt_out_status } = plain(
    expectedOf(visitor, told.prior),
  );
  const decisions: Table<Decision> = { ...categories, ...services };
  const allow = (id: string) => decisions[id]?.allow === true;
  const permitted = ([category, service]: (typeof MARKS)[number]) =>
    (category === null || allow(category)) &&
    (service !== null && service in decisions ? allow(service) : category !== null);

  // The state itself: the act that stands, and the signals.
  if (visitor.last) expect(told.prior?.categories).toMatchObject(visitor.last);
  expect(snapshot.signals.gpc).toBe(visitor.said.gpc);
  // The page's own code.
  const unknown: Decision = { allow: false, reason: "unknown_service" };
  expect(told.decisions).toEqual({ ...decisions, "unheard-of": unknown });
  expect(told.allowed).toEqual(Object.fromEntries(IDS.map((id) => [id, allow(id)])));
  const state = { categories, services, sale_or_share, prompt, opt_out_status };
  expect(snapshot).toMatchObject(state);
  expect(await visitor.waited()).toEqual(IDS.filter(allow));
  for (const id of IDS.filter(allow)) visitor.allowed.add(id);
  expect(told.woken.sort()).toEqual([...visitor.allowed].sort());
  // Parts, each told before any tag felt it.
  expect(told.part).toMatchObject(state);
  expect(told.asked.map((one) => one.allow)).toEqual(IDS.map(allow));
  expect(told.early).toBe(true);
  expect(told.app.at(-1)).toMatchObject({ decisions, sale_or_share, prompt });
  expect(told.frame.at(-1)).toEqual({ decisions });
  // Tags: what is held, what ran, and what was said to them.
  expect(told.images).toEqual(MARKS.map(permitted));
  MARKS.forEach((marks, at) => void (permitted(marks) && visitor.ever.add(at)));
  expect(told.scripts.sort()).toEqual([...visitor.ever].sort());
  const update = told.layer.filter(([, verb, signals]) => verb === "update" && !signals.lie).at(-1);
  const sold = sale_or_share.allow || visitor.boot.rules.model !== "opt_out";
  if (update) {
    expect(update[2]).toMatchObject({
      ad_storage: allow("marketing") && sold ? "granted" : "denied",
      analytics_storage: allow("analytics") ? "granted" : "denied",
      functionality_storage: allow("functional") ? "granted" : "denied",
    });
  }
  // A lost chunk and an act that could not be delivered are told; nothing else went wrong.
  expect(told.errors.filter((error) => !/^Error: (-$|[0-9a-f-]{36}:)/.test(error))).toEqual([]);
};

test("after each step of any visit, all surfaces say the same, and what the policy says", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(PLACES)),
      fc.array(step, { minLength: 3, maxLength: 8 }),
      async (place, steps) => {
        const visitor = new Visitor(place);
        try {
          await turn();
          await agree(visitor);
          for (const one of steps) {
            await visitor.take(one);
            await agree(visitor);
          }
        } finally {
          await visitor.page.happyDOM.close();
        }
      },
    ),
    { numRuns: 20 },
  );
}, 60_000);
