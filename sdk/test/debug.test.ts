/** The debugger, as far as it can be told without a screen: tests/browser/test_debug.py looks at it. */

import { Window } from "happy-dom";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { open, type Seen } from "../src/debug/index";
import type { Host } from "../src/host";
import { fateOf, nameOf } from "../src/overlay/marked";
import { decisions, elements, held, now, told } from "../src/overlay/rows";
import { bootFor, optOut } from "./boot";
import { DENIED, GRANTED, snapshotOf } from "./interface";
import { turn } from "./page";

const REFUSED = { allow: false, reason: "choice_denied" } as const;

const stand = (html = "", url = "https://shop.test/", kept: Record<string, string> = {}) => {
  const window = new Window({ url });
  onTestFinished(async () => {
    vi.unstubAllGlobals();
    await window.happyDOM.close();
  });
  const names = ["document", "location", "localStorage", "MutationObserver", "Element", "Document"];
  const types = ["HTMLScriptElement", "DocumentFragment", "EventTarget", "Event", "Node"];
  for (const name of [...names, ...types]) {
    vi.stubGlobal(name, (window as unknown as Record<string, unknown>)[name]);
  }
  vi.stubGlobal("window", window);
  for (const [key, value] of Object.entries(kept)) window.localStorage.setItem(key, value);
  window.document.body.innerHTML = html;
  const state = { allowed: new Set<string>(), refused: new Set<string>() };
  const decision = (id: string) =>
    state.allowed.has(id) ? GRANTED : state.refused.has(id) ? REFUSED : DENIED;
  const overlay = { update: vi.fn(), show: vi.fn(), remove: vi.fn() };
  let seen: Seen | undefined;
  const chunk = vi.fn(async () => ({
    mount: (_: Host, watched: Seen) => {
      seen = watched;
      return overlay;
    },
  }));
  const host = {
    boot: bootFor(optOut()),
    base: "https://consent.test",
    inlined: { chunks: {}, words: null, parts: [["debug", {}]] },
    snapshot: () => snapshotOf({ analytics: decision("analytics") }),
    age: () => null,
    decision,
    permits: (one: Element) => decision(one.getAttribute("data-category") ?? "").allow,
    chunk,
    fail: vi.fn(),
  } as unknown as Host;
  const find = (selector: string) => window.document.querySelector(selector) as unknown as Element;
  const look = { ...state, host, overlay, chunk, window, find };
  return { ...look, seen: () => seen as Seen };
};

describe("the part", () => {
  test("does nothing where nobody asked", async () => {
    const { host, chunk } = stand("<img data-category=analytics>");
    open(host).settle(host.snapshot());
    await turn();
    expect(chunk).not.toHaveBeenCalled();
  });

  test.each([
    ["by the address", "https://shop.test/#holdfire-debug", {}],
    ["by what the browser keeps", "https://shop.test/", { "holdfire:debug": "1" }],
  ])("shows itself where somebody asked %s", async (_, url, kept) => {
    const { host, chunk, overlay } = stand("", url, kept);
    const part = open(host);
    await turn();
    expect(chunk).toHaveBeenCalledWith("overlay");
    part.settle(host.snapshot());
    expect(overlay.update).toHaveBeenCalled();
    part.stop?.();
    expect(overlay.remove).toHaveBeenCalled();
  });

  test("notes what comes, and which script ran", async () => {
    const { host, seen, allowed, window, find } = stand(
      "<script type=text/plain data-category=analytics id=early></script>",
      "https://shop.test/#holdfire-debug",
    );
    open(host);
    await turn();
    const early = find("#early");
    allowed.add("analytics");
    early.replaceWith(window.document.createElement("script") as unknown as Element);
    window.document.body.insertAdjacentHTML("beforeend", "<p><img data-service=ga4 id=late></p>");
    await turn();
    expect([...seen().marked]).toEqual([early, find("#late")]);
    expect(seen().released.has(early)).toBe(true);
  });

  test("is silent about an overlay that cannot be had", async () => {
    const { host, chunk } = stand("", "https://shop.test/#holdfire-debug");
    chunk.mockRejectedValueOnce(new Error("no way"));
    open(host);
    await turn();
    expect(host.fail).toHaveBeenCalledWith(new Error("no way"));
  });
});

describe("what it says", () => {
  const watched = (...marked: Element[]): Seen => ({
    marked: new Set(marked),
    released: new WeakSet(),
    held: [],
  });

  test("of each element: its state and the reason", () => {
    const { host, find, allowed, refused } = stand(`
      <img id=held data-category=analytics data-src=/a.gif>
      <img id=refused data-category=marketing data-src=/m.gif>
      <img id=running data-category=functional data-src=/f.gif src=/f.gif>
      <img id=loose data-category=analytics src=/l.gif>
      <script id=ran data-category=analytics></script>
      <template id=template data-category=analytics></template>`);
    allowed.add("functional");
    refused.add("marketing");
    const fates = ["held", "refused", "running", "loose", "ran", "template"].map((id) =>
      fateOf(host, watched(), find(`#${id}`)),
    );
    expect(fates).toEqual([
      ["held", "default_denied"],
      ["refused", "choice_denied"],
      ["running", "default_granted"],
      ["loose", "its address is not under data-"],
      ["loose", "its type is not text/plain: it ran by itself"],
      ["held", "default_denied"],
    ]);
    expect(nameOf(find("#held"))).toBe("<img> /a.gif");
    expect(nameOf(find("#ran"))).toBe("<script> inline");
  });

  test("of a script: waiting, run, run although it is refused now, and gone", () => {
    const { host, find, allowed } = stand(
      "<script id=one type=text/plain data-category=analytics></script>",
    );
    const script = find("#one");
    const seen = watched(script);
    allowed.add("analytics");
    expect(fateOf(host, seen, script)[0]).toBe("waiting");
    seen.released.add(script);
    script.remove();
    expect(fateOf(host, seen, script)).toEqual(["running", "default_granted"]);
    allowed.clear();
    expect(fateOf(host, seen, script)[1]).toMatch(/runs until the page is left/);
    expect(fateOf(host, watched(script), script)[0]).toBe("gone");
  });

  test("of the whole, as rows of text", () => {
    const { host, find } = stand("<img data-category=analytics data-service=ga4 data-src=/a.gif>");
    const seen = watched(find("img"));
    seen.held.push({ cause: "fetch", name: "https://a.test/", service: null, report: true });
    expect(elements(host, seen)).toMatchObject([
      { name: "<img> /a.gif", state: "held", more: ["analytics / ga4", "default_denied"] },
    ]);
    expect(decisions(host)).toContainEqual(
      expect.objectContaining({ name: "ga4", below: true, state: "denied" }),
    );
    expect(held(host, seen)).toEqual([
      { name: "https://a.test/", state: "reported", more: ["fetch, no known service"] },
    ]);
    expect(now(host)[0]).toEqual({ name: "Regime", more: ["us-ca, opt_out"] });
    expect(told(host)).toEqual([{ name: "debug", more: [] }]);
  });
});
