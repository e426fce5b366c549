import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Window } from "happy-dom";
import { describe, expect, onTestFinished, test } from "vitest";
import { enclosed } from "../bundle.mjs";
import type { Options } from "../src/intercept/options";
import type { Decision, Reason } from "../src/types";

const chunk = async (name: string) => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../src/${name}/index.ts`, import.meta.url))],
    ...{ bundle: true, minify: true, format: "esm", target: "es2022", write: false },
  });
  return enclosed(outputFiles[0]?.text.trimEnd() ?? "");
};
const [INTERCEPT, INSERTION, WRITES] = await Promise.all(
  ["intercept", "insertion", "writes"].map(chunk),
);

interface Told {
  cause: string;
  name: string;
  service: string | null;
  report: boolean;
}

/** A page whose own `fetch` writes down what it was asked for, and what is decided for it. */
const hold = (options: Partial<Options> = {}) => {
  const window = new Window({
    url: "https://shop.test/",
    settings: {
      enableJavaScriptEvaluation: true,
      suppressInsecureJavaScriptEnvironmentWarning: true,
    },
  });
  onTestFinished(() => window.happyDOM.close());
  const decisions: Record<string, Decision> = {};
  const sent: string[] = [];
  const written: string[] = [];
  const told: Told[] = [];
  const failed: unknown[] = [];
  let decided = false;
  const decision = (id: string): Decision =>
    decisions[id] ?? { allow: false, reason: "default_denied" };
  const ids = ["ads", "stats"];
  const services = ids.map((id) => ({
    ...{ id, category: "marketing", cookies: [`_${id}_*`, "shared"], storage: [] },
  }));
  const host = {
    boot: { services, rules: { categories: [{ id: "marketing" }] } },
    base: "https://consent.test/p",
    decision,
    snapshot: () =>
      decided ? { services: Object.fromEntries(ids.map((id) => [id, decision(id)])) } : null,
    permits: (held: Element) => decision(held.getAttribute("data-service") ?? "").allow,
    emit: (_: string, one: Told) => told.push(one),
    fail: (cause: unknown) => failed.push(cause),
  };
  Object.assign(window, {
    host,
    fetch: async (input: string | Request) => {
      sent.push(typeof input === "string" ? input : input.url);
      return "answered";
    },
    options: {
      ...{ report: false, hold_unknown: false, trusted: [] },
      hosts: { ads: ["ads.test", "*.ads.test", "both.test"], stats: ["stats.test", "both.test"] },
      ...options,
    },
  });
  // happy-dom keeps the property elsewhere than browsers do.
  Object.defineProperty(window.Document.prototype, "cookie", {
    ...{ configurable: true, get: () => "" },
    set: (cookie: string) => written.push(cookie),
  });
  window.eval(`host.inlined = {chunks: {insertion: ${INSERTION}, writes: ${WRITES}}};
    window.part = (${INTERCEPT})().open(host, options)`);
  return {
    ...{ window, sent, written, told, failed },
    write: (cookie: string) =>
      window.eval(`Reflect.set(Document.prototype, "cookie", ${JSON.stringify(cookie)}, document)`),
    ask: (address: string): Promise<string> => window.eval(`fetch(${JSON.stringify(address)})`),
    decide: (
      id: string,
      allow: boolean,
      reason: Reason = allow ? "choice_granted" : "choice_denied",
    ) => {
      decided = true;
      decisions[id] = { allow, reason };
      window.eval("part.settle()");
    },
  };
};

describe("a request", () => {
  test.each([
    "https://ads.test/a",
    "https://ads.test:8443/a",
    "https://ads.test./a",
    "https://ADS.test/a",
    "//ads.test/a",
    "\\\\ads.test/a",
    "https://x.ads.test/a",
    "https://x.y.ads.test/a",
    "http://ads.test/a",
  ])("to a service's host is held: %s", async (address) => {
    const { ask, sent, told } = hold();
    ask(address);
    expect(sent).toEqual([]);
    expect(told).toEqual([{ cause: "fetch", name: address, service: "ads", report: false }]);
  });

  test.each([
    "/a",
    "https://shop.test/ads.test",
    "https://consent.test/p/v1",
    "https://bads.test/a",
    "https://ads.test.example/a",
    "https://xstats.test/a",
    "https://x.stats.test/a",
    "https://stranger.test/?https://ads.test/",
    "data:text/plain,https://ads.test/",
  ])("to anybody else is not: %s", async (address) => {
    const { ask, sent, told } = hold();
    expect(await ask(address)).toBe("answered");
    expect(sent).toEqual([address]);
    expect(told).toEqual([]);
  });

  test("is made when it is allowed, in the order in which they came", async () => {
    const { ask, decide, sent } = hold();
    const answers = ["1", "2", "3"].map((at) => ask(`https://ads.test/${at}`));
    ask("https://stats.test/");
    decide("ads", true);
    expect(await Promise.all(answers)).toEqual(["answered", "answered", "answered"]);
    expect(sent).toEqual(["https://ads.test/1", "https://ads.test/2", "https://ads.test/3"]);
  });

  test("rejects when it is refused, and so does every later one", async () => {
    const { ask, decide, sent } = hold();
    const before = ask("https://ads.test/before");
    decide("ads", false);
    await expect(before).rejects.toThrow("Failed to fetch");
    await expect(ask("https://ads.test/after")).rejects.toThrow("Failed to fetch");
    decide("ads", true);
    expect(sent).toEqual([]);
  });

  test("waits while nobody has said anything", async () => {
    const { ask, decide, sent } = hold();
    const answer = ask("https://ads.test/");
    decide("ads", false, "default_denied");
    expect(sent).toEqual([]);
    decide("ads", true);
    expect(await answer).toBe("answered");
  });

  test("to a host of several services runs when all of them may", async () => {
    const { ask, decide, sent } = hold();
    const answer = ask("https://both.test/");
    decide("stats", true);
    expect(sent).toEqual([]);
    decide("ads", true);
    expect(await answer).toBe("answered");
  });

  test("to a host of several services is refused when one of them is", async () => {
    const { ask, decide, sent } = hold();
    const answer = ask("https://both.test/");
    decide("stats", true);
    decide("ads", false);
    await expect(answer).rejects.toThrow("Failed to fetch");
    expect(sent).toEqual([]);
  });

  test("to a trusted host runs in any case", async () => {
    const { ask } = hold({ trusted: ["*.ads.test"], hold_unknown: true });
    expect(await ask("https://cdn.ads.test/")).toBe("answered");
  });

  test("to a host that nobody names fails where the site holds those too", async () => {
    const { ask, sent } = hold({ hold_unknown: true });
    await expect(ask("https://stranger.test/")).rejects.toThrow("Failed to fetch");
    expect(await ask("/own")).toBe("answered");
    expect(await ask("https://consent.test/p/v1")).toBe("answered");
    expect(sent).toEqual(["/own", "https://consent.test/p/v1"]);
  });

  test("runs in report-only mode, and is told", async () => {
    const { ask, told } = hold({ report: true });
    expect(await ask("https://ads.test/")).toBe("answered");
    expect(told).toEqual([
      { cause: "fetch", name: "https://ads.test/", service: "ads", report: true },
    ]);
  });

  test("runs once everything was given back", async () => {
    const { ask, window } = hold();
    const before = ask("https://ads.test/before");
    window.eval("part.stop(); part.settle()");
    expect(await ask("https://ads.test/after")).toBe("answered");
    expect(await Promise.race([before, "held"])).toBe("held");
  });
});

describe("a cookie", () => {
  test("of a service is held, and written as it was last", () => {
    const { decide, told, written, write } = hold();
    write("_ads_id=1");
    write("_ads_id=2; path=/");
    expect(written).toEqual([]);
    expect(told.map(({ cause, name }) => `${cause} ${name}`)).toEqual([
      "cookie _ads_id",
      "cookie _ads_id",
    ]);
    decide("ads", true);
    expect(written).toEqual(["_ads_id=2; path=/"]);
  });

  test("of a service that was refused is lost", () => {
    const { decide, written, write } = hold();
    write("_ads_id=1");
    decide("ads", false);
    decide("ads", true);
    expect(written).toEqual([]);
  });

  test.each(["ads_id=1", "_adsid=1", "session=1", "x=_ads_id"])("that is %s is not", (cookie) => {
    const { written, write } = hold();
    write(cookie);
    expect(written).toEqual([cookie]);
  });

  test.each(["; expires=Thu, 01 Jan 1970 00:00:00 GMT", "; Max-Age=0", ";max-age=-1"])(
    "can always be deleted, which ends what is held: %s",
    (gone) => {
      const { decide, written, write } = hold();
      write("_ads_id=1");
      write(`_ads_id=${gone}`);
      decide("ads", true);
      expect(written).toEqual([`_ads_id=${gone}`]);
    },
  );

  test("that several services list is written when one of them may", () => {
    const { decide, written, write } = hold();
    write("shared=1");
    decide("ads", false);
    expect(written).toEqual([]);
    decide("stats", true);
    expect(written).toEqual(["shared=1"]);
  });
});
