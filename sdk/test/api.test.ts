import { describe, expect, test } from "vitest";
import type { CategoryRule, Events, Snapshot } from "../src/types";
import { bootFor, optIn, optOut, payload, rule, SITE, tokenOf, VERSION, wordsFor } from "./boot";
import { BASE, EVERY_CHUNK, lost, openPage, type Request, recorded, turn } from "./page";

const GPC = "navigator.globalPrivacyControl = true";
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value));

describe("the page", () => {
  test("finds an object in place of its array, which has run what was pushed", async () => {
    const { run } = await openPage({
      before: `window.heard = [];
        window.holdfire = [(api) => heard.push(api.allowed("necessary"), api.allowed("analytics"))];`,
    });
    expect(run("heard.join()")).toBe("true,false");
    run("holdfire.push((api) => heard.push(api === holdfire))");
    expect(run("heard.join()")).toBe("true,false,true");
  });

  test("learns by `ready` what holds, signals included", async () => {
    const { holdfire } = await openPage({ boot: bootFor(optOut()), before: GPC });
    const { categories, signals, opt_out_status }: Snapshot = plain(await holdfire.ready);
    expect(categories.marketing).toEqual({ allow: false, reason: "gpc" });
    expect(categories.analytics).toEqual({ allow: true, reason: "default_granted" });
    expect(signals).toEqual({ gpc: true, dnt: null });
    expect(opt_out_status).toBe("required");
  });

  test.each(["", "constructor", "__proto__", "toString", "nobody", "sale_or_share"])(
    "is not allowed %j, which it does not have",
    async (id) => {
      const { holdfire, decision } = await openPage({ boot: bootFor(optOut()) });
      expect(holdfire.allowed(id)).toBe(false);
      expect(decision(id)).toEqual({ allow: false, reason: "unknown_service" });
    },
  );

  test("can ask for a service by its id", async () => {
    const { holdfire, decision } = await openPage({ inlined: EVERY_CHUNK });
    holdfire.choose({ analytics: true, ga4: false });
    expect(decision("analytics")).toEqual({ allow: true, reason: "choice_granted" });
    expect(decision("ga4")).toEqual({ allow: false, reason: "choice_denied" });
  });

  test("is told what was chosen, and not by whom", async () => {
    const { holdfire } = await openPage({
      cookie: `__Host-holdfire_${SITE}=${tokenOf(payload())}; Path=/; Secure`,
    });
    const { prior }: Snapshot = plain(await holdfire.ready);
    expect(prior?.categories).toEqual({ functional: false, analytics: true, marketing: false });
    expect(JSON.stringify(prior)).not.toContain(payload().v);
  });

  test("cannot change what it is given", async () => {
    const { run, holdfire } = await openPage();
    run(`try { holdfire.allowed = () => true } catch {}
      try { holdfire.decision("analytics").allow = true } catch {}
      holdfire.ready.then((snapshot) => { snapshot.categories.analytics = { allow: true } });`);
    await turn();
    expect(holdfire.allowed("analytics")).toBe(false);
  });

  test("keeps the first copy when the script is there twice", async () => {
    const { run, begin, requests } = await openPage();
    run("window.first = holdfire");
    begin();
    expect(run("first === holdfire")).toBe(true);
    run("holdfire.acceptAll()");
    await turn();
    expect(requests).toHaveLength(1);
  });

  test("replaces an element that took the name", async () => {
    const { run } = await openPage({ html: '<a id="holdfire"></a>' });
    expect(run("holdfire.allowed('necessary')")).toBe(true);
  });
});

describe("when", () => {
  test("runs once, as soon as the id is allowed", async () => {
    const { run, holdfire } = await openPage();
    run("window.ran = []; holdfire.when('ga4', () => ran.push('ga4'))");
    await turn();
    expect(run("ran.join()")).toBe("");
    holdfire.acceptAll();
    holdfire.withdraw();
    holdfire.acceptAll();
    expect(run("ran.join()")).toBe("ga4");
  });

  test("runs soon, and not within the call, what is allowed already", async () => {
    const { run } = await openPage();
    run("window.ran = ''; holdfire.when('necessary', () => { ran += 'run' }); ran += 'call '");
    await turn();
    expect(run("ran")).toBe("call run");
  });

  /** A page on which thirty functions wait, each of which takes 10 ms, and which paints when told. */
  const busy = async () => {
    const clock = { at: 0, now: () => clock.at };
    const frames: (() => void)[] = [];
    const page = await openPage({
      members: { performance: clock, requestAnimationFrame: (run: () => void) => frames.push(run) },
    });
    page.run(`window.ran = [];
      for (let at = 0; at < 30; at++)
        holdfire.when("ga4", () => { performance.at += 10; ran.push(at); });`);
    await turn();
    const paint = () => {
      for (const run of frames.splice(0)) run();
    };
    return { ...page, paint, ran: (): string => page.run("ran.join(' ')") };
  };

  test("leaves the click alone: what waits runs in its order, with a paint after each slice", async () => {
    const { holdfire, paint, ran } = await busy();
    holdfire.acceptAll();
    expect(ran()).toBe("");
    for (const words of ["0", "0 1", "0 1 2"]) {
      paint();
      expect(ran()).toBe(words);
    }
    for (let at = 3; at < 30; at++) paint();
    expect(ran()).toBe([...Array(30).keys()].join(" "));
  });

  test("runs no more of what waits once the visitor has refused", async () => {
    const { holdfire, paint, ran } = await busy();
    holdfire.acceptAll();
    paint();
    holdfire.withdraw();
    paint();
    paint();
    expect(ran()).toBe("0");
    holdfire.acceptAll();
    paint();
    expect(ran()).toBe("0 1");
  });

  test("runs nothing after it was cancelled", async () => {
    const { run, holdfire } = await openPage();
    run("window.ran = 0; holdfire.when('ga4', () => ran++)()");
    holdfire.acceptAll();
    await turn();
    expect(run("ran")).toBe(0);
  });
});

describe("events", () => {
  const listening = `window.heard = [];
    window.holdfire = [(api) => {
      for (const name of ["ready", "change", "prompt", "choice", "error"]) {
        api.on(name, (event) => heard.push(name + ":" + event.cause));
      }
    }];`;

  test("come in order, each with its cause", async () => {
    const { run, holdfire } = await openPage({ before: listening });
    expect(run("heard.join(' ')")).toBe("ready:boot prompt:boot");
    holdfire.acceptAll();
    expect(run("heard.slice(2).join(' ')")).toBe("change:choice choice:api");
  });

  test("are not heard after `off`, nor after the canceller", async () => {
    const { holdfire } = await openPage();
    const heard: Events["change"][] = [];
    const listener = (event: Events["change"]) => void heard.push(event);
    holdfire.on("change", listener);
    holdfire.off("change", listener);
    holdfire.on("change", listener)();
    holdfire.acceptAll();
    expect(heard).toEqual([]);
  });

  test("survive listeners that throw, and tell of it", async () => {
    const { run, holdfire, errors } = await openPage();
    run(`window.heard = [];
      holdfire.on("error", ({ cause }) => { heard.push(cause.message); throw new Error("again"); });
      holdfire.on("change", () => { throw new Error("first"); });
      holdfire.on("change", () => { throw Object.create(null); });
      holdfire.on("change", () => { heard.push("last"); });
      holdfire.on("change", "nonsense"); holdfire.on("nonsense", () => {}); holdfire.push(1, null);`);
    holdfire.acceptAll();
    expect(run("heard.includes('first') && heard.includes('last')")).toBe(true);
    expect(errors.filter((cause) => (cause as Error).message === "again")).toHaveLength(1);
    expect(holdfire.allowed("analytics")).toBe(true);
  });
});

describe("a choice", () => {
  test("holds at once, and is sent whole", async () => {
    const { holdfire, requests } = await openPage({ inlined: EVERY_CHUNK });
    holdfire.choose({ analytics: true });
    expect(holdfire.allowed("analytics")).toBe(true);
    expect(requests).toHaveLength(1);
    const [{ url, method, keepalive, credentials, body }] = requests as [Request];
    expect(url).toBe(`${BASE}/v1/sites/${SITE}/choices`);
    expect({ method, keepalive, credentials }).toEqual({
      method: "POST",
      keepalive: true,
      credentials: "include",
    });
    expect(body).toEqual({
      event_id: expect.stringMatching(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      ),
      action: "save",
      categories: { functional: false, analytics: true, marketing: false },
      services: {},
      notice_version: VERSION,
      language: "en",
      layer: 0,
      control: "api",
      client_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/),
      after: { seq: 0, event_id: "" },
    });
  });

  test("tells the service which signals the page saw", async () => {
    const { holdfire, requests } = await openPage({
      before: `${GPC}; Object.defineProperty(navigator, "doNotTrack", { value: "1" });`,
    });
    holdfire.rejectAll();
    await turn();
    expect(requests[0]?.url).toMatch(/\/choices\?gpc=1&dnt=1$/);
  });

  test("says again what the owner's page declares of its visitor", async () => {
    const { holdfire, requests } = await openPage({ declared: "age=15&residence=US-CA" });
    holdfire.acceptAll();
    await turn();
    expect(requests[0]?.url).toMatch(/\/choices\?residence=US-CA&age=15$/);
  });

  test("of somebody too young is not followed", async () => {
    const minors: CategoryRule["minors"] = [[0, 15, "ban"]];
    const rules = optIn({ sale_or_share: rule("sale_or_share", { sale: true, minors }) });
    rules.categories = rules.categories.map((one) => (one.locked ? one : { ...one, minors }));
    const { holdfire, decision } = await openPage({ boot: bootFor(rules), declared: "age=15" });
    holdfire.acceptAll();
    expect(decision("analytics")).toEqual({ allow: false, reason: "minor" });
  });

  const young: [of: string, setup: Parameters<typeof openPage>[0]][] = [
    ["declared by the page", { declared: "age=12" }],
    ["told by the visitor", { local: { [`holdfire:${SITE}:age`]: "12" }, declared: "age=30" }],
    [
      "remembered by the service",
      { cookie: `__Host-holdfire_${SITE}=${tokenOf(payload({ y: 12 }))}; Path=/; Secure` },
    ],
  ];

  test.each(young)("is decided by the fewest years: %s", async (_, setup) => {
    const rules = optIn({ ask_age: true });
    const minors: CategoryRule["minors"] = [[0, 15, "ban"]];
    rules.categories = rules.categories.map((one) => (one.locked ? one : { ...one, minors }));
    const { decision, host } = await openPage({ boot: bootFor(rules), ...setup });
    expect(decision("analytics")).toEqual({ allow: false, reason: "minor" });
    // Who is known to be young is not asked for it again.
    await turn();
    if (host()) expect(host().age()).toBe(12);
  });

  const acts: [call: string, action: string, categories: number[]][] = [
    ["acceptAll()", "accept_all", [1, 1, 1]],
    ["rejectAll()", "reject_all", [0, 0, 0]],
    ["withdraw()", "withdraw", [0, 0, 0]],
    ["choose({ categories: { functional: true } })", "save", [1, 0, 0]],
    ["choose({ categories: { functional: true }, services: { ga4: false } })", "save", [1, 0, 0]],
    ["choose({ marketing: false })", "reject_all", [0, 0, 0]],
  ];

  test.each(acts)("%s is recorded as %s", async (call, action, states) => {
    const { run, requests } = await openPage();
    run(`holdfire.${call}`);
    await turn();
    expect(requests[0]?.body?.action).toBe(action);
    expect(Object.values(requests[0]?.body?.categories ?? {}).map(Number)).toEqual(states);
  });

  test("that only opts out is not recorded as a consent to the rest", async () => {
    const { holdfire, requests, decision } = await openPage({ boot: bootFor(optOut()) });
    holdfire.choose({ marketing: false });
    await turn();
    expect(requests[0]?.body?.action).toBe("opt_out");
    expect(decision("analytics")).toEqual({ allow: true, reason: "default_granted" });
    expect(decision("marketing")).toEqual({ allow: false, reason: "choice_denied" });
  });

  test("keeps what was refused before, unless it is named", async () => {
    const { holdfire, requests, queued } = await openPage({ inlined: EVERY_CHUNK });
    holdfire.choose({ analytics: true, ga4: false });
    holdfire.choose({ functional: true });
    await expect.poll(queued).toEqual([]);
    expect(requests.at(-1)?.body?.categories).toMatchObject({ analytics: true, functional: true });
    expect(requests.at(-1)?.body?.services).toEqual({ ga4: false });
    holdfire.choose({ analytics: true });
    await expect.poll(queued).toEqual([]);
    expect(requests.at(-1)?.body?.services).toEqual({});
  });

  test.each([
    '{ analytics: "true" }',
    "{ analytics: 1 }",
    "{ analytics: null }",
    "{ nobody: true }",
    '{ categories: { analytics: "false" } }',
    '"accept_all"',
    '{ categories: "all" }',
  ])("is refused whole, without an exception, for %s", async (choosing) => {
    const { run, holdfire, requests, errors } = await openPage();
    run(`holdfire.choose(${choosing})`);
    await turn();
    expect(requests).toEqual([]);
    expect(holdfire.allowed("analytics")).toBe(false);
    expect(errors).toHaveLength(1);
  });

  test("is made by GPC itself where it is a standing directive, and outlives the signal", async () => {
    const rules = optOut({ remember_gpc: true });
    const first = await openPage({ boot: bootFor(rules), before: GPC });
    await expect.poll(() => first.requests.length).toBe(1);
    await expect.poll(first.queued).toEqual([]);
    const [request] = first.requests;
    expect(request?.body).toMatchObject({ action: "opt_out", layer: 0, control: "gpc" });
    expect(request?.body?.categories).toEqual({
      functional: true,
      analytics: true,
      marketing: false,
    });
    expect(first.decision("marketing")).toEqual({ allow: false, reason: "gpc" });

    const next = await openPage({ boot: bootFor(rules), local: first.kept() });
    expect(next.decision("marketing").allow).toBe(false);
    expect(next.decision("analytics")).toEqual({ allow: true, reason: "default_granted" });
    await turn();
    expect(next.requests).toEqual([]);
  });

  test("is made by GPC without taking back what it does not reach", async () => {
    const rules = optOut({ remember_gpc: true });
    const { v } = payload();
    const kept = {
      ...payload({ a: "accept_all", c: { functional: 1, analytics: 1, marketing: 1 } }),
      v,
    };
    const page = await openPage({
      boot: bootFor(rules),
      before: GPC,
      local: {
        [`holdfire:${SITE}`]: JSON.stringify({ ...kept, h: "ga4,pixel,player", e: "", p: 0 }),
      },
    });
    await expect.poll(() => page.requests.length).toBe(1);
    expect(page.requests[0]?.body).toMatchObject({ action: "save", control: "gpc" });
    expect(page.decision("analytics").reason).toBe("choice_granted");
    expect(page.decision("marketing")).toEqual({ allow: false, reason: "gpc" });
  });

  test("hears a signal that only the request's header carried", async () => {
    const boot = bootFor(optOut(), { signals: { gpc: true, dnt: null } });
    const { decision } = await openPage({ boot });
    expect(decision("marketing")).toEqual({ allow: false, reason: "gpc" });
  });

  test("that leaves on what the law allows is no consent elsewhere", async () => {
    const first = await openPage({ boot: bootFor(optOut()), reply: () => null });
    first.holdfire.choose({ functional: false });
    await expect.poll(() => first.requests.length).toBe(1);
    const next = await openPage({ boot: bootFor(optIn()), local: first.kept(), reply: () => null });
    expect(next.decision("analytics").allow).toBe(false);
    expect(next.decision("marketing").allow).toBe(false);
  });

  test("names something, or is none", async () => {
    const page = await openPage();
    page.holdfire.choose({});
    await turn();
    expect(page.requests).toEqual([]);
    expect(page.errors).toHaveLength(1);
  });

  test("that the service refuses for good grants nothing", async () => {
    const page = await openPage({ reply: () => ({ status: 400 }) });
    page.holdfire.acceptAll();
    await expect.poll(() => page.decision("analytics").allow).toBe(false);
  });

  test("cannot be opened by breaking regular expressions", async () => {
    const page = await openPage({ before: "RegExp.prototype.test = () => true" });
    expect(page.decision("marketing").allow).toBe(false);
  });

  test("is not made by GPC where the law does not ask to remember it", async () => {
    const page = await openPage({ boot: bootFor(optOut()), before: GPC });
    await turn();
    expect(page.decision("marketing").reason).toBe("gpc");
    expect(page.requests).toEqual([]);
  });

  test("made under a signal by the page's own code does not beat the signal", async () => {
    const { holdfire, decision } = await openPage({ boot: bootFor(optOut()), before: GPC });
    holdfire.acceptAll();
    expect(decision("marketing")).toEqual({ allow: false, reason: "gpc" });
  });

  test("is confirmed by the service, and then survives on the next page", async () => {
    const first = await openPage();
    first.holdfire.choose({ analytics: true });
    await expect.poll(() => first.requests.length).toBe(1);
    await expect.poll(first.queued).toEqual([]);
    const key = `holdfire:${SITE}`;
    const kept = first.window.localStorage.getItem(key) ?? "";
    expect(JSON.parse(kept)).toMatchObject({ p: 0, q: 1, v: payload().v });
    const next = await openPage({ local: { [key]: kept } });
    expect(next.holdfire.allowed("analytics")).toBe(true);
    expect(next.shown).toEqual([]);
  });

  test("tells a service on another host by its token who made it", async () => {
    const page = await openPage();
    page.holdfire.rejectAll();
    await expect.poll(page.queued).toEqual([]);
    page.holdfire.acceptAll();
    await expect.poll(() => page.requests.length).toBe(2);
    const token = page.window.localStorage.getItem(`holdfire:${SITE}:token`);
    expect(page.requests.map(({ authorization }) => authorization)).toEqual([
      "",
      `Bearer ${token}`,
    ]);
  });

  test("leaves it to the cookie on the page's own host", async () => {
    const page = await openPage({ base: "https://shop.test/consent" });
    page.holdfire.rejectAll();
    await expect.poll(page.queued).toEqual([]);
    page.holdfire.acceptAll();
    await expect.poll(() => page.requests.length).toBe(2);
    expect(page.requests.map(({ authorization }) => authorization)).toEqual(["", ""]);
  });

  test("is not lost with a token whose key was retired", async () => {
    const page = await openPage({
      local: { [`holdfire:${SITE}:token`]: "old.token" },
      reply: (request) => (request.authorization ? { status: 401 } : recorded(request)),
    });
    page.holdfire.rejectAll();
    await expect.poll(page.queued).toEqual([]);
    expect(page.requests.map(({ authorization }) => authorization)).toEqual([
      "Bearer old.token",
      "",
    ]);
  });

  test("made while the service is away holds, and is sent by the next page", async () => {
    const first = await openPage({ reply: () => null });
    first.holdfire.rejectAll();
    await turn();
    expect(first.decision("analytics").reason).toBe("choice_denied");
    expect(first.queued()).toHaveLength(1);
    const next = await openPage({ local: first.kept() });
    expect(next.decision("analytics").reason).toBe("choice_denied");
    await expect.poll(next.queued).toEqual([]);
    expect(next.requests.map(({ body }) => body?.action)).toEqual(["reject_all"]);
  });

  test("of long ago that is only now recorded does not undo a newer one", async () => {
    let up = false;
    const { holdfire, window, queued, requests, decision } = await openPage({
      reply: (request) => (up ? recorded(request) : null),
    });
    holdfire.acceptAll();
    await turn();
    holdfire.withdraw();
    await turn();
    up = true;
    window.dispatchEvent(new window.Event("online"));
    await expect.poll(queued).toEqual([]);
    expect(requests.slice(-2).map(({ body }) => body?.action)).toEqual(["accept_all", "withdraw"]);
    expect(decision("analytics").reason).toBe("choice_denied");
  });

  test("that the service narrowed, because it came late, is narrowed here too", async () => {
    const { holdfire, queued, decision } = await openPage({
      reply: ({ body }) => ({
        status: 201,
        body: JSON.stringify({
          event_id: body?.event_id,
          token: tokenOf(payload({ q: 9, c: { functional: 1, analytics: 0, marketing: 0 } })),
        }),
      }),
    });
    holdfire.acceptAll();
    await expect.poll(queued).toEqual([]);
    expect(decision("functional").reason).toBe("choice_granted");
    expect(decision("analytics").reason).toBe("choice_denied");
  });
});

describe("the end of a permission", () => {
  test("takes the services' cookies and storage with it, and nothing else", async () => {
    const { holdfire, window } = await openPage({
      url: "https://www.shop.test/a/b/c",
      inlined: EVERY_CHUNK,
    });
    holdfire.acceptAll();
    for (const written of [
      "_ga=1; domain=shop.test; path=/",
      "_ga_X1=1; path=/a/b",
      "_ga=2; path=/a",
      "shared=1",
      "basket=1",
    ]) {
      window.document.cookie = written;
    }
    for (const area of [window.localStorage, window.sessionStorage]) {
      area.setItem("ga:session", "1");
      area.setItem("basket", "1");
    }
    holdfire.choose({ analytics: false, marketing: false, functional: true });
    expect(window.document.cookie.split("; ").sort()).toEqual(["basket=1", "shared=1"]);
    expect(window.localStorage.getItem("ga:session")).toBeNull();
    expect(window.sessionStorage.getItem("ga:session")).toBeNull();
    expect(window.localStorage.getItem("basket")).toBe("1");
    expect(window.localStorage.getItem(`holdfire:${SITE}`)).not.toBeNull();
  });

  test("is also felt by what a script writes afterwards, when the page goes", async () => {
    const { holdfire, window } = await openPage();
    holdfire.acceptAll();
    holdfire.withdraw();
    await turn();
    window.document.cookie = "_ga=1; path=/";
    window.dispatchEvent(new window.Event("pagehide"));
    expect(window.document.cookie).toBe("");
  });

  test("spares those who never said no", async () => {
    const { window } = await openPage({ cookie: "_ga=1" });
    expect(window.document.cookie).toBe("_ga=1");
  });
});

describe("other tabs", () => {
  const channel = `window.BroadcastChannel = class extends EventTarget {
      constructor() { super(); tabs.push(this); }
      close() { tabs.splice(tabs.indexOf(this), 1); }
      hear(data) { this.dispatchEvent(Object.assign(new Event("message"), { data })); }
      postMessage(data) { for (const tab of tabs) if (tab !== this) tab.hear(data); }
    }`;

  test("hear of an act at once, though they share no storage", async () => {
    const members = { tabs: [] };
    const one = await openPage({ members, before: channel });
    const two = await openPage({ members, before: channel });
    one.holdfire.acceptAll();
    expect(two.holdfire.allowed("analytics")).toBe(true);
    one.holdfire.withdraw();
    expect(two.holdfire.allowed("analytics")).toBe(false);
    expect(two.requests).toEqual([]);
  });

  test("do not keep this one out of the back/forward cache", async () => {
    const members = { tabs: [] };
    const { window, holdfire } = await openPage({ members, before: channel });
    window.dispatchEvent(new window.Event("pagehide"));
    expect(members.tabs).toHaveLength(0);
    holdfire.rejectAll();
    window.dispatchEvent(Object.assign(new window.Event("pageshow"), { persisted: true }));
    expect(members.tabs).toHaveLength(1);
  });

  test("hear of an act through storage, where there are no channels", async () => {
    const { window, holdfire } = await openPage();
    const key = `holdfire:${SITE}`;
    window.localStorage.setItem(key, JSON.stringify(payload()));
    expect(holdfire.allowed("analytics")).toBe(false);
    window.dispatchEvent(new window.StorageEvent("storage", { key }));
    expect(holdfire.allowed("analytics")).toBe(true);
  });
});

describe("the interface", () => {
  test("is loaded when there is something to ask, and asks", async () => {
    const { loads, shown } = await openPage();
    await expect.poll(() => shown).toEqual(["show banner"]);
    expect(loads).toEqual([
      `${BASE}/assets/banner.00000000.js`,
      `${BASE}/assets/words-demo-en.11111111.js`,
    ]);
  });

  test("needs no request for words that came along", async () => {
    const { shown, loaded } = await openPage({ words: wordsFor("en", { languages: {} }) });
    await expect.poll(() => shown).toEqual(["show banner"]);
    expect(loaded()).toEqual(["banner"]);
  });

  test("is the site's own where it draws for itself", async () => {
    const { shown, loaded } = await openPage({
      boot: bootFor(optIn(), { look: { layout: "headless" } }),
    });
    await expect.poll(() => shown).toEqual(["show banner"]);
    expect(loaded()).toEqual(["headless", "words-demo-en"]);
  });

  test("stands in every place that the page keeps for it", async () => {
    const { shown, window } = await openPage({
      boot: bootFor(optOut()),
      html: `<div data-holdfire="embed" id="one"></div><div data-holdfire="embed" id="two"></div>
        <a data-holdfire="preferences" href="#">Cookie settings</a>`,
    });
    window.dispatchEvent(new window.Event("load"));
    await turn();
    expect(shown).toEqual(["embed #one", "embed #two"]);
  });

  test("fills the hole that something held leaves, and hears what becomes of it", async () => {
    const { holdfire, shown, window, loaded } = await openPage({
      boot: bootFor(optIn({ categories: [rule("analytics")], surface: "none" })),
      html: `<iframe data-category="analytics" data-src="https://third.test/f"></iframe>`,
    });
    window.dispatchEvent(new window.Event("load"));
    await turn();
    expect(loaded()).toContain("held");
    holdfire.acceptAll();
    expect(shown).toContain("update held");
  });

  test("is not loaded for nothing", async () => {
    const { loads, window } = await openPage({
      boot: bootFor(optIn({ categories: [rule("necessary", { locked: true })] })),
      html: '<a data-holdfire="preferences" href="#">Cookie settings</a>',
    });
    window.dispatchEvent(new window.Event("load"));
    await turn();
    expect(loads).toEqual([]);
  });

  test("is loaded for a page without a way back of its own, and for a status that is owed", async () => {
    const html = '<a data-holdfire="preferences" href="#">Cookie settings</a>';
    const boot = bootFor(optOut());
    const loadedOn = async (setup: Parameters<typeof openPage>[0]) => {
      const { loaded, shown, window } = await openPage({ boot, ...setup });
      window.dispatchEvent(new window.Event("load"));
      await turn();
      expect(shown.filter((one) => one !== "update")).toEqual([]);
      return loaded();
    };
    expect(await loadedOn({ html })).toEqual([]);
    expect(await loadedOn({})).toEqual(["banner", "words-demo-en"]);
    expect(await loadedOn({ html, before: GPC })).toContain("banner");
  });

  test("opens for whatever the page has marked, now or later", async () => {
    const { document, shown, holdfire } = await openPage();
    holdfire.rejectAll();
    document.body.innerHTML = '<a data-holdfire="preferences" href="#x"><b>Cookie settings</b></a>';
    document.querySelector("b")?.click();
    await expect.poll(() => shown).toContain("show preferences");
  });

  test("that fails to load leaves everything denied, and is tried again when wanted", async () => {
    const { travel, find } = lost("banner", "words-demo-en");
    const { holdfire, errors, loads, shown } = await openPage({ travel });
    await expect.poll(() => errors.map(String)).toEqual(["TypeError: no way to banner"]);
    expect(holdfire.allowed("analytics")).toBe(false);
    find();
    holdfire.show("preferences");
    await expect.poll(() => shown).toEqual(["show preferences"]);
    // Browsers remember that a module failed to load, so it has to become another one.
    const [first, second] = loads.filter((address) => address.includes("banner"));
    expect(second).not.toBe(first);
    expect(second).toMatch(/\.js\?/);
  });

  test("that is hidden before it has loaded does not appear", async () => {
    const { holdfire, shown } = await openPage();
    holdfire.hide();
    await turn();
    expect(shown).toEqual([]);
  });
});

describe("the receipt", () => {
  const withReceipt = (request: Request) =>
    request.method === "GET"
      ? { status: 200, body: "c2sp.org/tlog-proof@v1\n" }
      : recorded(request);

  test("is that of the last choice", async () => {
    const { holdfire, requests, queued } = await openPage({ reply: withReceipt });
    holdfire.acceptAll();
    await expect.poll(queued).toEqual([]);
    expect(await holdfire.receipt()).toBe("c2sp.org/tlog-proof@v1\n");
    const id = requests[0]?.body?.event_id;
    expect(requests[1]?.url).toBe(`${BASE}/v1/sites/${SITE}/receipts/${id}`);
  });

  test("cannot be had before there is one", async () => {
    const { holdfire } = await openPage({ reply: () => null });
    await expect(holdfire.receipt()).rejects.toThrow("no choice");
    holdfire.acceptAll();
    await expect(holdfire.receipt()).rejects.toThrow("not recorded yet");
  });

  test("that the service refuses is an error, not a text", async () => {
    const { holdfire, queued } = await openPage({
      reply: (request) => (request.method === "GET" ? { status: 404 } : recorded(request)),
    });
    holdfire.acceptAll();
    await expect.poll(queued).toEqual([]);
    await expect(holdfire.receipt()).rejects.toThrow("404");
  });

  test("is not waited for in vain when what would fetch it cannot be had", async () => {
    const { holdfire } = await openPage({ travel: lost("courier").travel });
    holdfire.acceptAll();
    await expect(holdfire.receipt()).rejects.toThrow("no way to courier");
  });
});

describe("a hostile page", () => {
  test("cannot allow anything by polluting prototypes", async () => {
    const { holdfire, errors, requests } = await openPage({
      before: `Object.assign(Object.prototype, {
          allow: true, allowed: true, exempt: true, granted: true, analytics: true, signal: 1,
          attributeFilter: 1, toJSON() { return {}; },
        });
        Array.prototype.toJSON = () => "[]";`,
    });
    expect(holdfire.allowed("analytics")).toBe(false);
    holdfire.rejectAll();
    await turn();
    expect(requests[0]?.body?.categories).toEqual({
      functional: false,
      analytics: false,
      marketing: false,
    });
    expect(errors).toEqual([]);
  });

  test("does not lose a refusal to a library that breaks JSON", async () => {
    const before = "Array.prototype.toJSON = function () { return String(this); }";
    const first = await openPage({ before, boot: bootFor(optOut()) });
    first.holdfire.rejectAll();
    const next = await openPage({ before, local: first.kept(), boot: bootFor(optOut()) });
    expect(next.decision("analytics").reason).toBe("choice_denied");
  });

  test("cannot stand in for the document's members by its markup", async () => {
    const { holdfire, errors } = await openPage({
      html: `${["cookie", "createElement", "querySelectorAll", "readyState", "addEventListener"]
        .map((name) => `<img name="${name}"><form name="${name}" id="${name}"></form>`)
        .join("")}<script type="text/plain" data-category="necessary">window.ran = true</script>`,
    });
    expect(holdfire.allowed("necessary")).toBe(true);
    expect(errors).toEqual([]);
  });

  test("is told, and not broken, when its own `holdfire` cannot be replaced", async () => {
    const { errors, run } = await openPage({
      html: '<script type="text/plain" data-category="necessary">window.ran = true</script>',
      before: 'Object.defineProperty(window, "holdfire", { value: [], writable: false })',
    });
    expect(run("ran")).toBe(true);
    expect(errors).toHaveLength(1);
  });
});

test("a boot script that does not know its service decides all the same", async () => {
  const { holdfire, errors, requests, queued } = await openPage({ base: "" });
  holdfire.acceptAll();
  expect(holdfire.allowed("analytics")).toBe(true);
  await turn();
  expect(requests).toEqual([]);
  expect(queued()).toHaveLength(1);
  expect(String(errors)).toContain("no address");
});
