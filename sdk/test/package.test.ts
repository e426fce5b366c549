/** The package as it is published: packed, installed from the archive, and used in every way. */

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { Window } from "happy-dom";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type * as Package from "../src/package/index";
import type { Decision, Holdfire } from "../src/types";

const SDK = join(import.meta.dirname, "..");
const run = promisify(execFile);
const consumer = await mkdtemp(join(tmpdir(), "holdfire-package-"));
const installed = join(consumer, "node_modules", "holdfire");
const node = async (program: string): Promise<string> => {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program], {
    cwd: consumer,
  });
  return stdout.trim();
};
const npm = (cwd: string, ...args: string[]) => run("npm", [...args, "--silent"], { cwd });

beforeAll(async () => {
  const packed = join(consumer, "packed");
  await mkdir(packed);
  for (const name of ["package.json", "README.md"]) await cp(join(SDK, name), join(packed, name));
  await run(process.execPath, [join(SDK, "package.mjs"), join(packed, "dist")]);
  await npm(packed, "pack", "--ignore-scripts");
  const archive = (await readdir(packed)).find((name) => name.endsWith(".tgz")) ?? "";
  await writeFile(join(consumer, "package.json"), '{"private": true, "type": "module"}');
  const quick = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await npm(consumer, "install", ...quick, join(packed, archive));
}, 60_000);
afterAll(() => rm(consumer, { recursive: true }));

/** A page in which a script runs, and whose scripts come from nowhere but `served`. */
const pageWith = async (script: string, served: Record<string, string> = {}) => {
  const asked: string[] = [];
  const window = new Window({
    url: "https://shop.test/",
    settings: {
      enableJavaScriptEvaluation: true,
      suppressInsecureJavaScriptEnvironmentWarning: true,
      fetch: {
        interceptor: {
          beforeAsyncRequest: async ({ request, window: page }) => {
            asked.push(request.url);
            const body = served[request.url];
            return new page.Response(body ?? "", { status: body === undefined ? 404 : 200 });
          },
        },
      },
    },
  });
  onTestFinished(() => window.happyDOM.close());
  window.eval(script);
  return { window, asked };
};

/** A boot script that allows analytics, as far as this package can see. */
const BOOT = `{
  const before = window.holdfire;
  const heard = [];
  const api = {
    [Symbol.for("holdfire")]: true,
    decisions: {},
    decision: (id) => api.decisions[id] ?? { allow: id === "analytics", reason: "default_granted" },
    allowed: (id) => api.decision(id).allow,
    on: (event, listener) => { heard.push(listener); return () => heard.splice(heard.indexOf(listener), 1) },
    tell: () => heard.slice().forEach((listener) => listener()),
    when: (id, run) => { run(); return () => {} },
    acceptAll: () => { api.accepted = true },
    push: (...runs) => runs.forEach((run) => run(api)),
  };
  window.holdfire = api;
  if (Array.isArray(before)) api.push(...before);
}`;
const ADDRESS = "https://consent.test/s/shop.js";

const classic = () => readFile(join(installed, "dist", "holdfire.iife.js"), "utf8");
/** The classic build in a page, and what it set. */
const opened = async (served: Record<string, string> = {}) => {
  const page = await pageWith(`${await classic()};window.Holdfire = Holdfire`, served);
  return {
    ...page,
    ...(page.window as unknown as { Holdfire: typeof Package; holdfire: Holdfire }),
  };
};

describe("the archive", () => {
  test("holds what it says and nothing else, and depends on nothing", async () => {
    const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
    expect(manifest).not.toHaveProperty("dependencies");
    expect(await readdir(join(installed))).toEqual(["README.md", "dist", "package.json"]);
    expect((await readdir(join(installed, "dist"))).sort()).toEqual([
      "LICENSE",
      "holdfire.iife.js",
      "index.js",
      "testing.js",
      "types",
      "verify.js",
    ]);
  });

  test("has the version of the service", async () => {
    const { version } = JSON.parse(await readFile(join(SDK, "package.json"), "utf8"));
    const project = await readFile(join(SDK, "..", "pyproject.toml"), "utf8");
    expect(project).toContain(`\nversion = "${version}"\n`);
  });

  test("names no module of its types by half", async () => {
    const types = join(installed, "dist", "types");
    for (const name of await readdir(types, { recursive: true })) {
      if (!name.endsWith(".d.ts")) continue;
      const text = await readFile(join(types, name), "utf8");
      for (const [, from] of text.matchAll(/(?:from|import) "(\.[^"]*)"/g)) {
        expect(from, name).toMatch(/\.js$/);
      }
    }
  });
});

describe("in Node", () => {
  test("it is an ES module that allows nothing and keeps nothing", async () => {
    const told = await node(`
      import { getSnapshot, holdfire, serverSnapshot, subscribe } from "holdfire";
      holdfire().push(() => console.log("never"));
      subscribe("analytics", () => console.log("never"))();
      const notice = { categories: [{ id: "analytics", locked: false, allow: true, reason: "default_granted" }] };
      const server = serverSnapshot(notice);
      console.log(JSON.stringify([
        holdfire().allowed("analytics"), getSnapshot("analytics"), server("analytics"), server("counter"),
        server("analytics") === server("analytics"), globalThis.holdfire === undefined,
      ]));`);
    expect(JSON.parse(told)).toEqual([
      false,
      { allow: false, reason: "default_denied" },
      { allow: true, reason: "default_granted" },
      { allow: false, reason: "unknown_service" },
      true,
      true,
    ]);
  });

  test("it verifies consent tokens", async () => {
    const { good, key_sets, now } = JSON.parse(
      await readFile(join(SDK, "..", "tests", "vectors", "consent-tokens.json"), "utf8"),
    );
    const told = await node(`
      import { Refused, verifyConsent } from "holdfire/verify";
      const judged = (site) =>
        verifyConsent("${good[0].token}", ${JSON.stringify(key_sets.ours)}, { site, now: ${now} });
      const consent = await judged("shop");
      const refused = await judged("other").catch((cause) => cause);
      console.log(consent.allowed("analytics"), consent.allowed("ga4"), refused instanceof Refused, refused.reason);`);
    expect(told).toBe("true false true site");
  });

  test("load says that there is no page", async () => {
    const told = await node(`
      import { load } from "holdfire";
      load({ base: "https://consent.test", site: "shop" }).catch(({ message }) => console.log(message));`);
    expect(told).toBe("no page to load Holdfire into");
  });

  test("holdfire/testing is one too", async () => {
    const told = await node(`
      import { fakeHoldfire } from "holdfire/testing";
      console.log(fakeHoldfire({ decisions: { analytics: true } }).allowed("analytics"));`);
    expect(told).toBe("true");
  });
});

describe("in a bundle", () => {
  test("only what is used comes along", async () => {
    const bundle = async (contents: string) => {
      const { outputFiles } = await build({
        stdin: { contents, resolveDir: consumer },
        bundle: true,
        format: "iife",
        minify: true,
        write: false,
      });
      return outputFiles[0]?.text ?? "";
    };
    const asks = await bundle(
      `import { holdfire } from "holdfire"; window.before = holdfire().allowed("analytics");`,
    );
    expect(asks).not.toContain("createPolicy");
    const { window } = await pageWith(asks);
    expect(window).toHaveProperty("before", false);
  });
});

describe("as a classic script", () => {
  test("load inserts the boot script once, with its nonce, and gives what it set", async () => {
    const { window, asked, Holdfire } = await opened({ [ADDRESS]: BOOT });
    const how = { base: "https://consent.test/", site: "shop", nonce: "n0nce" };
    const both = await Promise.all([Holdfire.load(how), Holdfire.load(how)]);
    expect(both[0]).toBe(both[1]);
    expect(both[0].allowed("analytics")).toBe(true);
    expect(asked).toEqual([ADDRESS]);
    const [script, ...more] = window.document.querySelectorAll("script");
    expect([script?.getAttribute("nonce") ?? Reflect.get(script ?? {}, "nonce"), more]).toEqual([
      "n0nce",
      [],
    ]);
    expect(await Holdfire.load(how)).toBe(both[0]);
  });

  test("load takes the script of a region, and nothing that is none", async () => {
    const address = "https://consent.test/s/shop/us-ca.js";
    const { asked, Holdfire } = await opened({ [address]: BOOT });
    const base = "https://consent.test";
    for (const wrong of [
      { base, site: "shop", region: "../x" },
      { base, site: "a/b" },
      { base: "javascript:alert(1)", site: "shop" },
    ]) {
      await expect(Holdfire.load(wrong)).rejects.toThrow(/^not /);
    }
    await Holdfire.load({ base, site: "shop", region: "US-CA" });
    expect(asked).toEqual([address]);
  });

  test("load rejects where nothing comes, keeps what was asked, and tries again", async () => {
    const served: Record<string, string> = {};
    const { window, Holdfire } = await opened(served);
    const how = { base: "https://consent.test", site: "shop" };
    Holdfire.holdfire().acceptAll();
    window.console.error = () => {};
    await expect(Holdfire.load(how)).rejects.toThrow("did not load");
    expect(Holdfire.holdfire().allowed("analytics")).toBe(false);
    served[ADDRESS] = BOOT;
    expect(await Holdfire.load(how)).toHaveProperty("accepted", true);
  });

  test("load says so where a script comes that does not start", async () => {
    const { Holdfire } = await opened({ [ADDRESS]: "" });
    const how = { base: "https://consent.test", site: "shop" };
    await expect(Holdfire.load(how)).rejects.toThrow("did not start");
  });

  test("load makes its address pass where the page requires Trusted Types", async () => {
    const { window, Holdfire } = await opened({ [ADDRESS]: BOOT });
    window.eval(`window.trustedTypes = { createPolicy: (name, rules) => {
      window.policy = name;
      return rules;
    } }; globalThis.trustedTypes = window.trustedTypes`);
    await Holdfire.load({ base: "https://consent.test", site: "shop" });
    expect(window).toHaveProperty("policy", "holdfire-load");
  });

  test("the stand-in allows nothing, hands on in order, and turns into the real one", async () => {
    const { window, Holdfire } = await opened();
    const standIn = Holdfire.holdfire();
    const ran: string[] = [];
    standIn.when("analytics", () => ran.push("first"));
    standIn.when("analytics", () => ran.push("cancelled"))();
    standIn.push(() => ran.push("second"));
    expect([standIn.allowed("analytics"), ran]).toEqual([false, []]);
    window.eval(BOOT);
    expect(ran).toEqual(["first", "second"]);
    expect(standIn.allowed("analytics")).toBe(true);
    expect(Holdfire.holdfire()).toBe((window as unknown as { holdfire: Holdfire }).holdfire);
  });

  test("what poses as Holdfire, but is not, allows nothing", async () => {
    const { window, Holdfire } = await opened();
    window.eval(`window.holdfire = { allowed: () => true, decision: () => ({ allow: true }) }`);
    expect(Holdfire.holdfire().allowed("analytics")).toBe(false);
  });

  test("a subscriber is told of another decision, and of nothing else", async () => {
    const { window, Holdfire } = await opened();
    const seen: Decision[] = [];
    const cancel = Holdfire.subscribe("analytics", () =>
      seen.push(Holdfire.getSnapshot("analytics")),
    );
    window.eval(BOOT);
    expect(seen.map(({ allow }) => allow)).toEqual([true]);
    const decide = (allow: boolean) =>
      window.eval(`holdfire.decisions = { analytics: { allow: ${allow}, reason: "choice_denied" } };
        holdfire.tell()`);
    window.eval("holdfire.tell()");
    expect(seen).toHaveLength(1);
    decide(false);
    decide(false);
    expect(seen.map(({ allow }) => allow)).toEqual([true, false]);
    expect(Holdfire.getSnapshot("analytics")).toBe(Holdfire.getSnapshot("analytics"));
    cancel();
    decide(true);
    expect(seen).toHaveLength(2);
  });
});

describe("for TypeScript", () => {
  /** What stands in for the frameworks of the examples. */
  const FRAMEWORKS = `
    declare module "react" {
      export function useSyncExternalStore<T>(
        subscribe: (heard: () => void) => () => void, now: () => T, onServer?: () => T): T;
    }
    declare module "vue" {
      export function ref<T>(value: T): { value: T };
      export function onScopeDispose(run: () => void): void;
    }
    declare module "@playwright/test" {
      export function test(
        name: string, run: (given: { page: import("playwright-core").Page }) => Promise<void>): void;
    }
    declare const cy: {
      window(): Chain<Window & typeof globalThis>;
      intercept(
        to: { url?: RegExp | string; middleware?: boolean },
        meet?: (request: { url: string; headers: { [key: string]: string | string[] }; reply(): void }) => void,
      ): unknown;
      visit(path: string, options?: { onBeforeLoad(page: Window & typeof globalThis): void }): void;
      then(run: () => void): void;
    };
    interface Chain<T> { should(met: (subject: T) => void): Chain<T>; then(run: (subject: T) => unknown): Chain<unknown> }
    declare function it(name: string, run: () => void): void;`;

  const checked = async (resolution: "bundler" | "nodenext") => {
    const folder = await mkdtemp(join(consumer, "types-"));
    const docs = await readFile(join(SDK, "..", "docs", "developers.md"), "utf8");
    const examples = [...docs.matchAll(/```(tsx?)\n(.*?)```/gs)];
    for (const [at, [, ending = "", text = ""]] of examples.entries()) {
      await writeFile(join(folder, `example${at}.${ending}`), text);
    }
    await writeFile(join(folder, "frameworks.d.ts"), FRAMEWORKS);
    const core = join(SDK, "node_modules", "playwright-core", "types", "types.d.ts");
    const compilerOptions = {
      ...{ strict: true, noEmit: true, exactOptionalPropertyTypes: true, target: "es2022" },
      ...{ module: resolution === "bundler" ? "esnext" : "nodenext", moduleResolution: resolution },
      ...{ lib: ["es2022", "dom", "dom.iterable"], types: [], jsx: "preserve" },
      paths: { "playwright-core": [core] },
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    const tsc = join(SDK, "node_modules", "typescript", "bin", "tsc");
    const failed = await run(process.execPath, [tsc, "--project", folder]).catch((error) => error);
    // Playwright's own types ask for those of Node, which are no matter here.
    const told = String(failed.stdout).replace(/^.*playwright-core.types.*\n/gm, "");
    return { examples: examples.length, told };
  };

  test.each(["bundler", "nodenext"] as const)(
    "every example of the documents is well typed (%s)",
    async (resolution) => {
      const { examples, told } = await checked(resolution);
      expect(told).toBe("");
      expect(examples).toBeGreaterThanOrEqual(9);
    },
    30_000,
  );
});
