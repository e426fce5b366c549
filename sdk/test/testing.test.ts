import { runInThisContext } from "node:vm";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { holdfire } from "../src/package/index";
import { recording } from "../src/package/testing/addressed";
import {
  cypress,
  fakeHoldfire,
  fakeService,
  isAt,
  recordRequests,
  setPlace,
} from "../src/package/testing/index";
import type { Holdfire } from "../src/types";
import { choice } from "./boot";
import { turn } from "./page";

const SERVICES = { counter: "analytics", pixel: "marketing" };

describe("a fake Holdfire", () => {
  test("allows what it is told to, the necessary, and nothing else", () => {
    const fake = fakeHoldfire({
      decisions: { analytics: true, marketing: false },
      services: SERVICES,
    });
    const ids = ["necessary", "analytics", "counter", "marketing", "pixel", "unheard-of"];
    expect(ids.map(fake.allowed)).toEqual([true, true, true, false, false, false]);
    expect(fake.decision("unheard-of")).toEqual({ allow: false, reason: "unknown_service" });
    fakeHoldfire({ decisions: { necessary: false } }).withdraw();
    expect(fakeHoldfire({ decisions: { necessary: false } }).allowed("necessary")).toBe(true);
  });

  test("runs what waits, once, when it is allowed, and not what was cancelled", async () => {
    const fake = fakeHoldfire({ decisions: { analytics: false }, services: SERVICES });
    const ran: string[] = [];
    fake.when("counter", () => ran.push("counter"));
    fake.when("counter", () => ran.push("cancelled"))();
    fake.when("necessary", () => ran.push("necessary"));
    await turn();
    expect(ran).toEqual(["necessary"]);
    fake.acceptAll();
    fake.withdraw();
    fake.acceptAll();
    expect(ran).toEqual(["necessary", "counter"]);
  });

  test("makes acts as the real one does, and keeps them", () => {
    const fake = fakeHoldfire({
      decisions: { analytics: false, marketing: false },
      services: SERVICES,
    });
    fake.choose({ analytics: true, counter: false });
    expect([fake.allowed("analytics"), fake.allowed("counter")]).toEqual([true, false]);
    fake.choose({ categories: { marketing: true }, services: { counter: true } });
    fake.rejectAll();
    expect(
      fake.choices.map(({ action, categories, services }) => [action, categories, services]),
    ).toEqual([
      ["save", { analytics: true, marketing: false }, { counter: false }],
      ["save", { analytics: true, marketing: true }, { counter: true }],
      ["reject_all", { analytics: false, marketing: false }, {}],
    ]);
    expect(fake.allowed("counter")).toBe(false);
  });

  test("lets no service into a category that is refused", () => {
    const fake = fakeHoldfire({
      decisions: { analytics: false, counter: true },
      services: SERVICES,
    });
    expect(fake.allowed("counter")).toBe(false);
  });

  test("forgets with 'accept all' what a service was refused before", () => {
    const fake = fakeHoldfire({ decisions: { analytics: true }, services: SERVICES });
    fake.choose({ counter: false });
    fake.choose({ analytics: true });
    expect(fake.allowed("counter")).toBe(false);
    fake.acceptAll();
    expect(fake.allowed("counter")).toBe(true);
  });

  test("tells of a change with its cause, and of nothing that changed nothing", async () => {
    const fake = fakeHoldfire({ decisions: { analytics: false } });
    const heard: string[] = [];
    fake.on("ready", ({ cause }) => heard.push(`ready ${cause}`));
    fake.on("change", ({ cause, snapshot }) =>
      heard.push(`${cause} ${snapshot.categories.analytics?.allow}`),
    );
    const off = fake.on("choice", ({ cause }) => heard.push(cause));
    await fake.ready;
    fake.decide({ analytics: true }, "tab");
    fake.decide({ analytics: true }, "tab");
    fake.withdraw();
    off();
    fake.acceptAll();
    expect(heard).toEqual(["ready boot", "tab true", "choice false", "api", "choice true"]);
  });

  test("lets no error of a listener out", () => {
    const fake = fakeHoldfire();
    const heard: unknown[] = [];
    vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => void vi.restoreAllMocks());
    fake.on("error", ({ cause }) => heard.push(cause));
    const broken = new Error("broken on purpose");
    fake.push(() => {
      throw broken;
    });
    expect(heard).toEqual([broken]);
  });

  test("gives a receipt of the last act, and rejects without one", async () => {
    const fake = fakeHoldfire();
    await expect(fake.receipt()).rejects.toThrow("no choice");
    fake.rejectAll();
    expect(JSON.parse(await fake.receipt())).toHaveProperty("action", "reject_all");
  });

  test("is taken for the real one where it stands in its place", () => {
    const page = globalThis as { holdfire?: Holdfire };
    page.holdfire = fakeHoldfire({ decisions: { analytics: true } });
    expect(holdfire()).toBe(page.holdfire);
    delete page.holdfire;
    expect(holdfire().allowed("analytics")).toBe(false);
  });
});

describe("a fake service", () => {
  const at = (path: string) => `https://consent.test/v1/sites/demo/${path}`;
  const post = (body: unknown) => ({ method: "POST", body: JSON.stringify(body) });

  test("answers as the protocol says, before and after a choice", async () => {
    const service = fakeService({ services: SERVICES });
    const notice = await (await service.fetch(at("notice"))).json();
    expect(notice).toMatchObject({
      site: "demo",
      prompt: "banner",
      regime: { model: "opt_in" },
      categories: [
        { id: "necessary", locked: true, allow: true, reason: "necessary" },
        { id: "functional", locked: false, allow: false, reason: "default_denied" },
        { id: "analytics" },
        { id: "marketing" },
      ],
    });
    const act = choice({ categories: { functional: false, analytics: true, marketing: false } });
    const answer = await service.fetch(at("choices"), post(act));
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({
      seq: 1,
      log_index: 0,
      event_id: act.event_id,
      decisions: { analytics: { allow: true, reason: "choice_granted" } },
    });
    const decision = await (await service.fetch(at("decision?service=counter"))).json();
    expect(decision).toMatchObject({ service: "counter", category: "analytics", allow: true });
    const decisions = await (await service.fetch(at("decisions"))).json();
    expect(decisions).toMatchObject({ services: { pixel: { allow: false } }, source: "store" });
    expect(service.holdfire.allowed("counter")).toBe(true);
    expect(await (await service.fetch(at("notice"))).json()).toHaveProperty("prompt", "link");
  });

  test("records an act once, and refuses another of its name", async () => {
    const service = fakeService();
    const act = choice();
    const statuses = [];
    for (const body of [act, act, { ...act, action: "withdraw" }, { event_id: 1 }]) {
      statuses.push((await service.fetch(at("choices"), post(body))).status);
    }
    expect(statuses).toEqual([201, 200, 409, 400]);
    expect(service.choices).toEqual([act]);
  });

  test("knows what its visitor did on the page", async () => {
    const service = fakeService({ model: "opt_out" });
    expect(service.holdfire.allowed("marketing")).toBe(true);
    service.holdfire.rejectAll();
    const { choices } = await (await service.fetch(at("choices"))).json();
    expect(choices).toMatchObject([{ action: "reject_all", seq: 1 }]);
    const { allow } = await (await service.fetch(at("decision?category=marketing"))).json();
    expect(allow).toBe(false);
  });

  test("serves a boot script that puts its Holdfire into the page", async () => {
    const page = globalThis as { window?: unknown; holdfire?: unknown };
    const service = fakeService();
    const ran: string[] = [];
    page.window = page;
    page.holdfire = [() => ran.push("what waited")];
    const script = await service.fetch("https://consent.test/s/demo.js");
    runInThisContext(await script.text());
    expect([page.holdfire, ran]).toEqual([service.holdfire, ["what waited"]]);
    delete page.holdfire;
    delete page.window;
  });

  test("fails when it is told to, and counts what was asked", async () => {
    const service = fakeService();
    service.fault = 503;
    expect((await service.fetch(at("notice"))).status).toBe(503);
    service.fault = "down";
    await expect(service.fetch(at("notice"))).rejects.toThrow("Failed to fetch");
    service.fault = null;
    expect((await service.fetch(at("nothing"))).status).toBe(404);
    expect(service.requests).toEqual([
      "GET /v1/sites/demo/notice",
      "GET /v1/sites/demo/notice",
      "GET /v1/sites/demo/nothing",
    ]);
  });
});

describe("a destination", () => {
  test.each([
    ["ads.example", "https://ads.example/p", true],
    ["ads.example", "https://eu.ads.example/p", true],
    ["ads.example", "https://goodads.example/p", false],
    ["ads.example", "https://shop.example/?to=ads.example", false],
    ["127.0.0.1:8081", "http://127.0.0.1:8081/p", true],
    ["127.0.0.1:8081", "http://127.0.0.1:8080/p", false],
    ["https://ads.example/p", "https://ads.example/pixel", true],
    ["https://ads.example/p", "https://ads.example/q", false],
    [/collect/g, "https://a.example/collect", true],
    [["b.example", /x/], "https://b.example/", true],
  ])("%s and %s: %s", (to, address, expected) => {
    expect([isAt(address, to), isAt(address, to)]).toEqual([expected, expected]);
  });

  test("an expectation that fails names what was requested", () => {
    let hear = (_: string) => {};
    const requests = recording((heard) => {
      hear = heard;
    });
    for (const one of ["data:,x", "https://ads.example/p", "wss://ads.example/live"]) hear(one);
    expect(() => requests.expectNone("ads.example")).toThrow(
      "expected no request, found 2:\n  https://ads.example/p\n  wss://ads.example/live",
    );
    requests.expectNone("shop.example");
    requests.clear();
    requests.expectNone("ads.example");
  });
});

describe("a place", () => {
  const moved = async (place: string, address: string, demo = false): Promise<string> => {
    let url = address;
    const page = {
      route: async (matching: RegExp, answer: (route: never) => Promise<void>) => {
        if (!matching.test(address)) return;
        const go = async (changes: { url: string }) => {
          url = changes.url;
        };
        await answer({ request: () => ({ url: () => address }), continue: go } as never);
      },
    };
    await setPlace(page as never, place, { demo });
    return url;
  };

  test.each([
    ["DE", "https://c.test/s/shop.js?v=1", false, "https://c.test/s/shop/de.js?v=1"],
    ["US-CA", "https://c.test/s/shop/de.js", false, "https://c.test/s/shop/us-ca.js"],
    ["DE", "https://c.test/v1/sites/shop/notice", false, "https://c.test/v1/sites/shop/notice"],
    [
      "DE",
      "https://c.test/v1/sites/shop/notice?gpc=1",
      true,
      "https://c.test/v1/sites/shop/notice?gpc=1&geo=DE",
    ],
    ["de", "https://c.test/s/shop.js?geo=US", true, "https://c.test/s/shop.js?geo=DE"],
    ["DE", "https://c.test/assets/banner.js", true, "https://c.test/assets/banner.js"],
  ])("%s of %s (demo: %s) is %s", async (place, address, demo, expected) => {
    expect(await moved(place, address, demo)).toBe(expected);
  });

  test("that is none is refused at once", async () => {
    await expect(moved("Germany", "https://c.test/s/shop.js")).rejects.toThrow("CC or CC-SUB");
  });
});

describe("with Cypress", () => {
  /** A `cy` whose window is given, and which does at once what it would do in turn. */
  const driving = (page: unknown) => {
    const meets: ((request: { url: string; headers: Record<string, unknown> }) => void)[] = [];
    let chosen: unknown;
    const chain = {
      should: (met: (page: never) => void) => {
        met(page as never);
        return chain;
      },
      // biome-ignore lint/suspicious/noThenProperty: it stands in for what Cypress calls so
      then: (run: (page: never) => unknown) => {
        chosen = run(page as never);
      },
    };
    const patterns: RegExp[] = [];
    return {
      cy: {
        window: () => chain,
        intercept: ({ url }: { url: RegExp }, meet: (typeof meets)[0]) => {
          patterns.push(url);
          meets.push(meet);
        },
      },
      chosen: () => chosen,
      send: (url: string) => {
        const request = { url, headers: {} as Record<string, unknown> };
        meets.forEach((meet, at) => {
          if (patterns[at]?.test(request.url)) meet(request);
        });
        return request;
      },
    };
  };

  test("a visitor chooses through the page's own Holdfire", async () => {
    const fake = fakeHoldfire({ decisions: { analytics: false } });
    const { cy, chosen } = driving({ holdfire: fake, localStorage: {} });
    cypress.setChoice(cy, { analytics: true });
    expect(await chosen()).toBe(fake.choices[0]);
    expect(fake.allowed("analytics")).toBe(true);
  });

  test("a page without Holdfire, or whose choice is on its way, is waited for", () => {
    const { cy } = driving({ localStorage: {} });
    expect(() => cypress.setChoice(cy, "accept_all")).toThrow("not on this page yet");
    const waiting = driving({
      holdfire: fakeHoldfire(),
      localStorage: { "holdfire:demo:out:1": "{}" },
    });
    expect(() => cypress.setChoice(waiting.cy, "accept_all")).toThrow("still on its way");
  });

  test("signals are said by property and header, places by the script, requests recorded", () => {
    class Navigator {}
    const { cy, send } = driving({});
    const page = { Navigator };
    cypress.setPlace(cy, "US-CA");
    cypress.setSignals(page as never, { gpc: true, dnt: false }, cy);
    const requests = cypress.recordRequests(cy);
    expect(new Navigator()).toMatchObject({ globalPrivacyControl: true, doNotTrack: "0" });
    expect(send("https://c.test/s/shop.js")).toEqual({
      url: "https://c.test/s/shop/us-ca.js",
      headers: { "Sec-GPC": "1", DNT: "0" },
    });
    expect(requests.to("c.test")).toEqual(["https://c.test/s/shop/us-ca.js"]);
  });
});

test("recordRequests hears requests and sockets", () => {
  const heard: Record<string, (of: { url(): string }) => void> = {};
  const requests = recordRequests({
    on: (event: string, hear: (of: { url(): string }) => void) => {
      heard[event] = hear;
    },
  });
  heard.request?.({ url: () => "https://a.example/" });
  heard.websocket?.({ url: () => "wss://b.example/" });
  expect(requests.urls).toEqual(["https://a.example/", "wss://b.example/"]);
});
