import fc from "fast-check";
import { Window } from "happy-dom";
import { describe, expect, onTestFinished, test } from "vitest";
import { bundle, enclosed } from "../bundle.mjs";
import type { Host } from "../src/host";
import type { Decision, Part, Snapshot } from "../src/types";
import { areaOf } from "./area";
import { bootFor } from "./boot";

const CHUNK = enclosed(await bundle("native/index.ts", "esm"));
const NECESSARY: Decision = { allow: true, reason: "necessary" };
const DENIED: Decision = { allow: false, reason: "default_denied" };
const CONSENTED: Decision = { allow: true, reason: "choice_granted" };

const snapshotOf = (analytics = DENIED): Snapshot => ({
  categories: { necessary: NECESSARY, analytics, marketing: DENIED },
  services: { ga4: analytics },
  ...{ sale_or_share: DENIED, prompt: "banner", opt_out_status: "none" },
  ...{ signals: { gpc: true, dnt: null }, prior: null },
});

interface Setup {
  /** Runs before any script of the page, as a script that the app injects. */
  before?: string;
  local?: Map<string, string>;
}

/** What the app is: `heard` takes the texts it is sent. */
const IOS = `window.heard = []; window.webkit = { messageHandlers: { holdfire: {
  postMessage(text) { heard.push(text); } } } };`;
const ANDROID = `window.heard = []; window.holdfireHost = { listeners: [],
  postMessage(text) { heard.push(text); },
  addEventListener(type, listener) { this.listeners.push(listener); } };`;

/** A page in a WebView. The core is lent as far as the part may go: to take more is an error. */
const opened = ({ before = IOS, local = new Map() }: Setup = {}) => {
  const page = new Window({
    url: "https://shop.example/",
    settings: {
      enableJavaScriptEvaluation: true,
      suppressInsecureJavaScriptEnvironmentWarning: true,
    },
  });
  onTestFinished(() => page.happyDOM.close());
  const shown: unknown[] = [];
  const holdfire = { show: (view: unknown) => shown.push(view) };
  Object.assign(page, { holdfire: new Proxy(holdfire, { get: only(["show"]) }) });
  page.eval(before);
  let now: Snapshot | undefined;
  const lent = { boot: bootFor(), local: areaOf(local), snapshot: () => now };
  const host = new Proxy(lent as Host, { get: only(["boot", "local", "snapshot"]) });
  const part: Part = page.eval(`(${CHUNK})()`).open(host, {});
  const inside = page.eval("window");
  const say = (data: unknown, source: unknown = inside) =>
    page.dispatchEvent(Object.assign(new page.Event("message"), { data, source }));
  return {
    ...{ page, shown, say },
    settle: (next: Snapshot) => {
      now = next;
      part.settle(next);
    },
    heard: () => (page.eval("heard") as string[]).map((text) => JSON.parse(text)),
  };
};

const only = (names: string[]) => (target: object, name: string | symbol) => {
  if (!names.includes(String(name))) throw new Error(`took ${String(name)} from the core`);
  return target[name as keyof typeof target];
};

const STATE = {
  ...{ holdfire: 1, site: "demo", regime: "de", prompt: "banner" },
  decisions: { necessary: NECESSARY, analytics: DENIED, marketing: DENIED, ga4: DENIED },
  ...{ sale_or_share: DENIED, signals: { gpc: true, dnt: null } },
};

describe("an app", () => {
  test.each([
    ["of WKWebView", IOS],
    ["of Android", ANDROID],
  ])("%s is told what holds, and each change", (_, before) => {
    const { settle, heard } = opened({ before });
    settle(snapshotOf());
    expect(heard()).toEqual([{ ...STATE, type: "ready" }]);
    settle(snapshotOf(CONSENTED));
    expect(heard()).toHaveLength(2);
    expect(heard()[1]).toMatchObject({ type: "change", decisions: { ga4: CONSENTED } });
  });

  test("is not told of what comes out alike", () => {
    const { settle, heard } = opened();
    settle(snapshotOf());
    settle(snapshotOf());
    expect(heard()).toHaveLength(1);
  });

  test("that appears later is told from then on, and when it asks", () => {
    const { page, settle, heard, say } = opened({ before: "" });
    settle(snapshotOf());
    page.eval(IOS);
    say('{"holdfire": 1, "type": "state"}');
    expect(heard()).toEqual([{ ...STATE, type: "state" }]);
    settle(snapshotOf(CONSENTED));
    expect(heard()[1]).toMatchObject({ type: "change" });
  });

  test("may ask before anything is decided, and learns it when it is", () => {
    const { settle, heard, say } = opened();
    say('{"holdfire": 1, "type": "state"}');
    expect(heard()).toEqual([]);
    settle(snapshotOf());
    expect(heard()).toEqual([{ ...STATE, type: "ready" }]);
  });

  test("may speak by the object that Android gives it", () => {
    const { page, settle, heard, shown } = opened({ before: ANDROID });
    settle(snapshotOf());
    page.eval(`holdfireHost.listeners[0]({ data: '{"holdfire":1,"type":"state"}' });
      holdfireHost.listeners[0]({ data: '{"holdfire":1,"type":"show","view":"preferences"}' });`);
    expect(heard().map(({ type }) => type)).toEqual(["ready", "state"]);
    expect(shown).toEqual(["preferences"]);
  });

  test("may open the interface, and nothing that is none", () => {
    const { shown, say } = opened();
    for (const view of ["preferences", "banner", "receipt", "__proto__", 7]) {
      say(JSON.stringify({ holdfire: 1, type: "show", view }));
    }
    expect(shown).toEqual(["preferences", "banner"]);
  });

  test("may leave out whatever it likes: the page goes on", () => {
    for (const before of [
      "window.webkit = {}",
      "window.webkit = { messageHandlers: {} }",
      "window.holdfireHost = {}; window.holdfireNative = null",
      "document.body.innerHTML = '<form id=holdfireHost></form><form id=webkit></form>'",
    ]) {
      const { settle } = opened({ before });
      expect(() => settle(snapshotOf())).not.toThrow();
    }
  });
});

describe("a message", () => {
  const verbs = ["choose", "acceptAll", "accept_all", "set", "consent", "grant", "withdraw"];

  test.each([
    ...verbs.map((type) => ({ holdfire: 1, type })),
    { holdfire: 1, type: "choose", categories: { marketing: true } },
    { holdfire: 1, type: "state", decisions: { marketing: { allow: true } } },
    { holdfire: 1, type: "show", view: "preferences", after: "acceptAll" },
    { holdfire: "1", type: "show", view: "preferences" },
    { type: "show", view: "preferences" },
  ])("cannot set anything: %j", (data) => {
    // The core is lent as a stub that fails when more is taken of it than to read and to show.
    const { settle, say, heard } = opened();
    settle(snapshotOf());
    say(JSON.stringify(data));
    say(data);
    settle(snapshotOf());
    const last = heard().at(-1);
    expect(last.decisions).toEqual(STATE.decisions);
  });

  test("that is no message of an app is passed over, whatever it is", () => {
    const { settle, say, heard, shown } = opened();
    settle(snapshotOf());
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.json(), fc.string()), (data) => {
        say(data);
      }),
    );
    say(`{"__proto__": {"holdfire": 1, "type": "show", "view": "preferences"}}`);
    say(`{"holdfire": 1, "type": "show", "view": "preferences"${" ".repeat(300)}}`);
    expect(heard()).toHaveLength(1);
    expect(shown).toEqual([]);
  });

  test("of a frame is none of the app's", () => {
    const { settle, say, heard, shown } = opened();
    settle(snapshotOf());
    for (const source of [null, {}, { parent: null }]) {
      say('{"holdfire": 1, "type": "state"}', source);
      say('{"holdfire": 1, "type": "show", "view": "preferences"}', source);
    }
    expect(heard()).toHaveLength(1);
    expect(shown).toEqual([]);
  });

  test("says what holds on a page that put members on all objects", () => {
    const before = `${IOS} Object.prototype.toJSON = () => "all allowed";
      Object.prototype.holdfire = 1; Object.prototype.type = "show";`;
    const { settle, heard, say, shown } = opened({ before });
    settle(snapshotOf());
    expect(heard()).toEqual([{ ...STATE, type: "ready" }]);
    say('{"view": "preferences"}');
    expect(shown).toEqual([]);
  });
});

describe("an age that the app injects", () => {
  const KEY = "holdfire:demo:age";
  const kept = (age: string, before?: string) => {
    const local = new Map(before ? [[KEY, before]] : []);
    opened({ before: `${IOS} window.holdfireNative = { age: ${age} }`, local });
    return local.get(KEY);
  };

  test.each([
    ["15", undefined, "15"],
    ['"15"', undefined, "15"],
    ["15", "17", "15"],
    ["17", "15", "15"],
    ["40", "15", "15"],
  ])("of %s where %s was known makes it %s", (age, before, after) => {
    expect(kept(age, before)).toBe(after);
  });

  test.each(["null", "-1", "1e9", "true", "{}", '"fifteen"', "[]", "NaN", "15.5"])(
    "that is none is passed over: %s",
    (age) => {
      expect(kept(age)).toBeUndefined();
      expect(kept(age, "12")).toBe("12");
    },
  );
});
