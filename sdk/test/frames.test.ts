import fc from "fast-check";
import { type HTMLElement as Element, Window } from "happy-dom";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { bundle, enclosed } from "../bundle.mjs";
import type { FrameHoldfire } from "../src/frame/index";
import type { Host } from "../src/host";
import type { Decision, Part, Snapshot, Table } from "../src/types";

const ADS = "https://ads.example";
const WIDGET = "https://widget.example";
const NONCE = "0123456789abcdef-_";

/** Two ports that pass on at once what they are given, as the browser would: copied. */
class Channel {
  port1 = new Port();
  port2 = new Port();
  constructor() {
    this.port1.other = this.port2;
    this.port2.other = this.port1;
  }
}

class Port {
  other: Port | undefined;
  heard: unknown[] = [];
  closed = false;
  postMessage(data: unknown) {
    if (!this.closed && this.other && !this.other.closed) {
      this.other.heard.push(structuredClone(data));
    }
  }
  close() {
    this.closed = true;
  }
}

/** A window below the page, or beside it; it notes what is said to it. */
class Frame {
  said: { data: unknown; target: string; port: Port | undefined }[] = [];
  closed = false;
  constructor(readonly parent: unknown) {}
  postMessage(data: unknown, target: string, ports: Port[]) {
    this.said.push({ data, target, port: ports[0] });
  }
  /** What it was told by the port it was handed last. */
  get told(): { decisions: Table<Decision> }[] {
    return (this.said.at(-1)?.port?.heard ?? []) as never;
  }
}

const CHUNK = enclosed(await bundle("frames/index.ts", "esm"));
const NECESSARY: Decision = { allow: true, reason: "necessary" };
const DENIED: Decision = { allow: false, reason: "default_denied" };
const CONSENTED: Decision = { allow: true, reason: "choice_granted" };

const snapshotOf = (analytics = DENIED): Snapshot => ({
  categories: { necessary: NECESSARY, analytics, marketing: DENIED },
  services: { ga4: analytics },
  ...{ sale_or_share: DENIED, prompt: "banner", opt_out_status: "none" },
  ...{ signals: { gpc: false, dnt: null }, prior: null },
});

const windowAt = (url: string): Window => {
  const settings = {
    enableJavaScriptEvaluation: true,
    suppressInsecureJavaScriptEnvironmentWarning: true,
  };
  const window = new Window({ url, settings });
  onTestFinished(() => window.happyDOM.close());
  return window;
};

/** A page with the part. It needs nothing of the core but to be told: to take anything is an error. */
const opened = (origins: string[] = [ADS], first: Snapshot | null = snapshotOf()) => {
  const page = windowAt("https://shop.example/");
  Object.assign(page, { MessageChannel: Channel });
  const inside = page.eval("window");
  const lent = new Proxy({} as Host, {
    get: (_, name) => {
      throw new Error(`took ${String(name)} from the core`);
    },
  });
  const part: Part = page.eval(`(${CHUNK})()`).open(lent, { origins });
  if (first) part.settle(first);
  const say = (source: unknown, origin: string, data: unknown) =>
    page.dispatchEvent(
      Object.assign(new page.Event("message"), { source, origin, data, ports: [] }),
    );
  return {
    ...{ page, part, say, inside },
    frame: () => new Frame(inside),
    ask: (from: unknown, origin = ADS) => say(from, origin, { holdfire: 1, ask: NONCE }),
  };
};

describe("the page", () => {
  test("tells a listed frame what holds, in answer to it alone", () => {
    const { frame: below, ask } = opened();
    const [frame, other] = [below(), below()];
    ask(frame);
    expect(frame.said).toHaveLength(1);
    expect(frame.said[0]).toMatchObject({ data: { holdfire: 1, to: NONCE }, target: ADS });
    expect(frame.told).toEqual([
      {
        decisions: {
          ...{ necessary: NECESSARY, analytics: DENIED, marketing: DENIED },
          ga4: DENIED,
        },
      },
    ]);
    expect(other.said).toEqual([]);
  });

  test("tells it of each change by the same port", () => {
    const page = opened();
    const { part, ask } = page;
    const frame = page.frame();
    ask(frame);
    part.settle(snapshotOf(CONSENTED));
    part.settle(snapshotOf(CONSENTED));
    part.settle(snapshotOf());
    expect(frame.said).toHaveLength(1);
    expect(frame.told.map(({ decisions }) => decisions.analytics)).toEqual([
      DENIED,
      CONSENTED,
      DENIED,
    ]);
  });

  test("answers a frame inside a frame, whatever is between them", () => {
    const { frame, ask } = opened();
    const nested = new Frame(new Frame(frame()));
    ask(nested);
    expect(nested.told).toHaveLength(1);
  });

  test.each([
    ["of an origin that is not listed", true, "https://evil.example"],
    ["of an origin that only begins alike", true, `${ADS}.evil.example`],
    ["of another port", true, `${ADS}:8443`],
    ["of another scheme", true, "http://ads.example"],
    ["in a sandbox, which has no origin", true, "null"],
    ["with an empty origin", true, ""],
    ["that is no frame of this page", null, ADS],
    ["of a page that opened this one", new Frame(null), ADS],
    ["that has left the page", null, ADS],
  ])("gives no answer to one %s", (_, parent, origin) => {
    const { inside, ask } = opened();
    const frame = new Frame(parent === true ? inside : parent);
    ask(frame, origin);
    expect(frame.said).toEqual([]);
  });

  test("gives no answer to what is no window", () => {
    const { ask, inside } = opened();
    const port = new Port();
    for (const source of [null, undefined, port, inside, {}, 7]) ask(source);
    expect(port.heard).toEqual([]);
  });

  test.each([
    ["nothing", null],
    ["a text", "holdfire"],
    ["the JSON of a question", JSON.stringify({ holdfire: 1, ask: NONCE })],
    ["another version", { holdfire: 2, ask: NONCE }],
    ["a version that only looks alike", { holdfire: "1", ask: NONCE }],
    ["no mark", { holdfire: 1 }],
    ["a number for a mark", { holdfire: 1, ask: 1e20 }],
    ["a list for a mark", { holdfire: 1, ask: [NONCE] }],
    ["a mark that is too short", { holdfire: 1, ask: "0123456789abcde" }],
    ["a mark that is too long", { holdfire: 1, ask: "a".repeat(65) }],
    ["a mark of a megabyte", { holdfire: 1, ask: "a".repeat(1 << 20) }],
    ["a mark with markup in it", { holdfire: 1, ask: "<img src=x onerror=alert(1)>" }],
    ["a mark with a line after it", { holdfire: 1, ask: `${NONCE}\n` }],
    ["a member of a prototype", JSON.parse(`{"__proto__": {"holdfire": 1, "ask": "${NONCE}"}}`)],
  ])("gives no answer to %s", (_, data) => {
    const { frame: below, say } = opened();
    const frame = below();
    say(frame, ADS, data);
    expect(frame.said).toEqual([]);
  });

  test("reads nothing of a stranger's message", () => {
    const { page, frame } = opened();
    const unpack = vi.fn();
    const message = Object.assign(new page.Event("message"), {
      ...{ source: frame(), origin: "https://evil.example" },
    });
    Object.defineProperty(message, "data", { get: unpack });
    page.dispatchEvent(message);
    expect(unpack).not.toHaveBeenCalled();
  });

  test("hears nothing but questions, whoever sends what", () => {
    const verbs = ["choose", "acceptAll", "set", "type", "action", "categories", "__proto__"];
    const members = fc.dictionary(
      fc.constantFrom("holdfire", "ask", "to", "decisions", ...verbs),
      fc.oneof(fc.constant(1), fc.constant(true), fc.constant("accept_all"), fc.jsonValue()),
    );
    const page = opened();
    const { part, ask, say } = page;
    const frame = page.frame();
    ask(frame);
    fc.assert(
      fc.property(fc.oneof(members, fc.anything()), (data) => {
        // The core is lent as a stub that fails when it is touched: nobody can be heard as writing.
        say(frame, ADS, data);
        frame.said.at(-1)?.port?.other?.heard.push(data);
      }),
    );
    part.settle(snapshotOf(CONSENTED));
    expect(frame.told.at(-1)?.decisions.marketing).toEqual(DENIED);
    expect(Object.prototype).not.toHaveProperty("allow");
  });

  test("answers a question once, however often it is asked", () => {
    const page = opened();
    const frame = page.frame();
    for (let times = 0; times < 100; times++) page.ask(frame);
    expect(frame.said).toHaveLength(1);
  });

  test("has one port for a frame, and closes that of the document before", () => {
    const { part, say, frame: below } = opened();
    const frame = below();
    for (let times = 0; times < 100; times++) {
      say(frame, ADS, { holdfire: 1, ask: `${NONCE}${times}` });
    }
    part.settle(snapshotOf(CONSENTED));
    const ports = frame.said.map(({ port }) => port);
    expect(ports).toHaveLength(100);
    expect(ports.filter((port) => port?.heard.length === 2)).toEqual([ports.at(-1)]);
  });

  test("tells so many frames and no more, until some are gone", () => {
    const { frame, ask } = opened();
    const frames = Array.from({ length: 65 }, frame);
    for (const frame of frames) ask(frame);
    expect(frames.filter(({ said }) => said.length)).toHaveLength(64);
    const late = frames[64] as Frame;
    expect(late.said).toEqual([]);
    Object.assign(frames[0] as Frame, { closed: true });
    ask(late);
    expect(late.told).toHaveLength(1);
  });

  test("ends with the page view: who was told before is told no more", () => {
    const page = opened();
    const { part, ask } = page;
    const frame = page.frame();
    ask(frame);
    page.page.dispatchEvent(new page.page.Event("pagehide"));
    part.settle(snapshotOf(CONSENTED));
    expect(frame.told).toHaveLength(1);
    ask(frame);
    expect(frame.told.map(({ decisions }) => decisions.analytics)).toEqual([CONSENTED]);
  });

  test("has no answer before it has decided", () => {
    const { frame: below, part, ask } = opened([ADS], null);
    const frame = below();
    ask(frame);
    expect(frame.said).toEqual([]);
    part.settle(snapshotOf());
    ask(frame);
    expect(frame.told).toHaveLength(1);
  });

  test("goes on when a frame cannot be answered", () => {
    const { frame: below, ask } = opened();
    const broken = below();
    broken.postMessage = () => {
      throw new Error("no");
    };
    expect(() => ask(broken)).not.toThrow();
    const frame = below();
    ask(frame);
    expect(frame.told).toHaveLength(1);
  });
});

// ---------------------------------------------------------------- the frame's side

const SCRIPT = await bundle("frame/index.ts", "iife");
const SHOP = "https://shop.example";

/** A window above the frame. */
interface Above {
  asked: { data: { holdfire: number; ask: string }; target: string }[];
  postMessage(data: Above["asked"][0]["data"], target: string): void;
  parent?: Above;
}

const above = (parent?: Above): Above => {
  const asked: Above["asked"] = [];
  const own: Above = { asked, postMessage: (data, target) => asked.push({ data, target }) };
  own.parent = parent ?? own;
  return own;
};

interface Opening {
  page?: string | null;
  parent?: Above | null;
  /** What `location.ancestorOrigins` says, nearest first. */
  origins?: string[];
  before?: string;
}

/** A frame's document with the script in it. */
const framed = ({ page = SHOP, parent = above(), origins, before = "" }: Opening = {}) => {
  const window = windowAt("https://ads.example/slot");
  if (parent) Object.defineProperty(window, "parent", { value: parent });
  if (origins) Object.defineProperty(window.location, "ancestorOrigins", { value: origins });
  Object.assign(window, { setTimeout, clearTimeout, queueMicrotask });
  window.eval(before);
  const script = window.document.createElement("script");
  if (page !== null) script.setAttribute("data-page", page);
  script.text = SCRIPT;
  window.document.head.append(script as unknown as Element);
  const hear = (data: unknown, from: unknown, origin = SHOP, ports: unknown[] = []) =>
    window.dispatchEvent(
      Object.assign(new window.Event("message"), { data, origin, source: from, ports }),
    );
  const answer = (from = parent as Above, origin = SHOP) => {
    const port = {
      onmessage: (_: unknown) => {},
      closed: false,
      close: () => (port.closed = true),
    };
    const to = from.asked.at(-1)?.data.ask;
    hear({ holdfire: 1, to }, from, origin, [port]);
    return {
      port,
      tell: (data: unknown) => !port.closed && port.onmessage({ data }),
    };
  };
  return {
    ...{ window, parent: parent as Above, hear, answer },
    holdfire: (window as unknown as { holdfire: FrameHoldfire }).holdfire,
  };
};

const YES = { allow: true, reason: "choice_granted" };
const NO = { allow: false, reason: "choice_denied" };
const told = (decisions: unknown) => ({ decisions });
const UNANSWERED = { allow: false, reason: "store_unavailable" };

describe("the frame", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("asks its page and nobody else, and knows what it is told", async () => {
    const { holdfire, parent, answer } = framed();
    expect(parent.asked).toEqual([
      { data: { holdfire: 1, ask: expect.stringMatching(/^[\w-]{16,64}$/) }, target: SHOP },
    ]);
    expect(holdfire.decision("ads")).toEqual(UNANSWERED);
    answer().tell(told({ ads: YES, stats: NO }));
    expect(await holdfire.ready).toBe(holdfire);
    expect(holdfire.allowed("ads")).toBe(true);
    expect(holdfire.decision("stats")).toEqual(NO);
    expect(holdfire.decision("other")).toEqual({ allow: false, reason: "unknown_service" });
  });

  test("feels each change, and runs what waited for it once", async () => {
    const { holdfire, answer } = framed();
    const [ran, cancelled, changed] = [vi.fn(), vi.fn(), vi.fn()];
    holdfire.when("ads", ran);
    holdfire.when("ads", cancelled)();
    holdfire.on("change", changed);
    const { tell } = answer();
    tell(told({ ads: NO }));
    await holdfire.ready;
    expect(ran).not.toHaveBeenCalled();
    for (const decision of [YES, NO, YES]) {
      tell(told({ ads: decision }));
      await null;
    }
    expect(ran).toHaveBeenCalledOnce();
    expect(cancelled).not.toHaveBeenCalled();
    expect(changed).toHaveBeenCalledTimes(3);
    tell(told({ ads: NO }));
    expect(holdfire.allowed("ads")).toBe(false);
  });

  test("runs at once, and yet not within the call, what is allowed already", async () => {
    const { holdfire, answer } = framed();
    answer().tell(told({ ads: YES }));
    const ran = vi.fn();
    holdfire.when("ads", ran);
    expect(ran).not.toHaveBeenCalled();
    await new Promise((done) => queueMicrotask(() => queueMicrotask(() => done(null))));
    expect(ran).toHaveBeenCalledOnce();
  });

  test("takes no answer for a no, and a late one for a change", async () => {
    const { holdfire, answer } = framed();
    const [ready, changed] = [vi.fn(), vi.fn()];
    holdfire.on("ready", ready);
    holdfire.on("change", changed);
    await vi.advanceTimersByTimeAsync(1_800);
    expect(ready).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(200);
    await holdfire.ready;
    expect(ready).toHaveBeenCalledOnce();
    expect(holdfire.decision("necessary")).toEqual(UNANSWERED);
    answer().tell(told({ ads: YES }));
    await null;
    expect(changed).toHaveBeenCalledOnce();
    expect(holdfire.allowed("ads")).toBe(true);
  });

  test("asks again a page that was not ready, ever more seldom, and not for ever", async () => {
    const { parent } = framed();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(parent.asked).toHaveLength(4);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(parent.asked).toHaveLength(10);
  });

  test("asks no more once it was told, and hears of no change that is none", async () => {
    const { holdfire, parent, answer } = framed();
    const changed = vi.fn();
    holdfire.on("change", changed);
    answer().tell(told({ ads: YES }));
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(parent.asked).toHaveLength(1);
    expect(changed).not.toHaveBeenCalled();
  });

  test.each([
    ["none", null],
    ["a wildcard", "*"],
    ["its own", "/"],
    ["no origin", "null"],
    ["a path", "https://shop.example/"],
    ["no scheme", "shop.example"],
    ["script", "javascript:alert(1)"],
    ["a file", "file:///etc"],
  ])("asks nobody where the page named is %s", async (_, page) => {
    const { holdfire, parent } = framed({ page });
    expect(parent.asked).toEqual([]);
    await holdfire.ready;
    expect(holdfire.allowed("necessary")).toBe(false);
  });

  test("is denied everything where there is no page above", async () => {
    const { holdfire } = framed({ parent: null });
    await holdfire.ready;
    expect(holdfire.decision("ads")).toEqual(UNANSWERED);
  });

  test("asks each window above that may be its page, by exact origin", () => {
    const top = above();
    const middle = above(top);
    framed({ parent: middle, page: `${SHOP}\n  ${WIDGET}` });
    for (const { asked } of [middle, top]) {
      expect(asked.map(({ target }) => target)).toEqual([SHOP, WIDGET]);
    }
  });

  test("asks only those that are there, where the browser says who is", () => {
    const top = above();
    const middle = above(top);
    framed({ parent: middle, page: `${SHOP} ${WIDGET}`, origins: ["https://cdn.example", SHOP] });
    expect(middle.asked).toEqual([]);
    expect(top.asked.map(({ target }) => target)).toEqual([SHOP]);
  });

  test("of two pages believes the one that denies, and waits for both", async () => {
    const top = above();
    const middle = above(top);
    const { holdfire, answer } = framed({ parent: middle, origins: [SHOP, SHOP] });
    answer(middle).tell(told({ ads: YES, stats: YES }));
    expect(holdfire.decision("ads")).toEqual(UNANSWERED);
    answer(top).tell(told({ ads: NO }));
    await holdfire.ready;
    expect(holdfire.decision("ads")).toEqual(NO);
    expect(holdfire.allowed("stats")).toBe(false);
  });

  interface Forged {
    origin?: string;
    to?: string | null;
    from?: Above;
    ports?: unknown[];
  }
  const forged: [string, Forged][] = [
    ["from another origin", { origin: "https://evil.example" }],
    ["from no origin", { origin: "null" }],
    ["to another question", { to: "0123456789abcdef" }],
    ["to no question", { to: null }],
    ["from another window", { from: above() }],
    ["without a port", { ports: [] }],
  ];
  test.each(forged)("takes no answer %s", async (_, { origin, to, from, ports }) => {
    const { holdfire, parent, hear } = framed();
    const port = { onmessage: null, close: () => {} };
    const mark = to === undefined ? parent.asked[0]?.data.ask : to;
    const answer = { holdfire: 1, to: mark, ...told({ ads: YES }) };
    hear(answer, from ?? parent, origin, ports ?? [port]);
    expect(port.onmessage).toBeNull();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(holdfire.allowed("ads")).toBe(false);
  });

  test("believes no decision that comes without a port", async () => {
    const { holdfire, parent, hear, answer } = framed();
    answer().tell(told({ ads: NO }));
    const to = parent.asked[0]?.data.ask;
    for (const data of [
      told({ ads: YES }),
      { holdfire: 1, to, ...told({ ads: YES }) },
      null,
      "x",
    ]) {
      hear(data, parent);
    }
    await holdfire.ready;
    expect(holdfire.allowed("ads")).toBe(false);
  });

  test.each([
    ["nothing", null],
    ["a text", "yes"],
    ["no decisions", {}],
    ["a word for all decisions", { decisions: "all" }],
    ["a word for a decision", told({ ads: "yes" })],
    ["a yes that is no boolean", told({ ads: { allow: "true", reason: "choice_granted" } })],
    ["a yes that is a number", told({ ads: { allow: 1, reason: "choice_granted" } })],
    ["a decision that is nothing", told({ first: null, ads: YES })],
    ["a yes of a prototype", told(JSON.parse(`{"__proto__": {"ads": ${JSON.stringify(YES)}}}`))],
    [
      "more than any site decides",
      told({
        ...Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`a${n}`, NO])),
        ads: YES,
      }),
    ],
  ])("reads %s as a no", async (_, data) => {
    const { holdfire, answer } = framed();
    const { tell } = answer();
    tell(told({ ads: YES }));
    await holdfire.ready;
    expect(holdfire.allowed("ads")).toBe(true);
    tell(data);
    expect(holdfire.allowed("ads")).toBe(false);
  });

  test("finds no decision in what the document gave to all objects", async () => {
    const before = `Object.prototype.ads = { allow: true, reason: "choice_granted" };
      Object.prototype.allow = true;`;
    const { holdfire, answer } = framed({ before });
    expect(holdfire.allowed("ads")).toBe(false);
    answer().tell(told({ stats: NO }));
    await holdfire.ready;
    for (const id of ["ads", "constructor", "__proto__", "toString"]) {
      expect(holdfire.allowed(id)).toBe(false);
    }
  });

  test("hears no more by a port once it has another", () => {
    const { holdfire, answer } = framed();
    const first = answer();
    const second = answer();
    second.tell(told({ ads: NO }));
    first.tell(told({ ads: YES }));
    expect(first.port.closed).toBe(true);
    expect(holdfire.allowed("ads")).toBe(false);
  });

  test("asks anew, and is denied meanwhile, when the visitor comes back to the page", async () => {
    const { window, holdfire, parent, answer } = framed();
    answer().tell(told({ ads: YES }));
    await holdfire.ready;
    const event = new window.Event("pageshow");
    window.dispatchEvent(Object.assign(event, { persisted: true }));
    expect(holdfire.decision("ads")).toEqual(UNANSWERED);
    expect(parent.asked).toHaveLength(2);
    expect(parent.asked[1]?.data.ask).not.toBe(parent.asked[0]?.data.ask);
    answer().tell(told({ ads: YES }));
    expect(holdfire.allowed("ads")).toBe(true);
  });

  test("has nothing that writes, and cannot be written to", () => {
    const { holdfire } = framed();
    expect(Object.keys(holdfire)).toEqual(["ready", "allowed", "decision", "when", "on"]);
    expect(Object.isFrozen(holdfire)).toBe(true);
  });

  test("leaves a frame that has a boot script of its own to it", () => {
    const { window, parent } = framed({ before: "window.holdfire = { ready: 1 }" });
    expect(window).toHaveProperty("holdfire", { ready: 1 });
    expect(parent.asked).toEqual([]);
  });
});
