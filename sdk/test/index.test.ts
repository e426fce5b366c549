import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Window } from "happy-dom";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Holdfire } from "../src/types";
import { bootFor } from "./boot";

/** The boot script, put together as the service does it. */
const bootScript = async (boot: unknown): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../src/index.ts", import.meta.url))],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2020",
    write: false,
  });
  return `!function(HOLDFIRE_BOOT){${outputFiles[0]?.text}}(${JSON.stringify(boot)});`;
};

/** Loads the boot script from an address; tells what the page asked of the service afterwards. */
const load = async (address: string, boot: unknown = bootFor(), html = "") => {
  const asked: string[] = [];
  const logged: unknown[] = [];
  const script = await bootScript(boot);
  const window = new Window({
    url: "https://shop.test/",
    settings: {
      enableJavaScriptEvaluation: true,
      suppressInsecureJavaScriptEnvironmentWarning: true,
      fetch: {
        interceptor: {
          beforeAsyncRequest: async ({ request, window: page }) => {
            if (request.url === address) return new page.Response(script);
            asked.push(request.url);
            return new page.Response("export const mount = () => ({ show() {}, update() {} });");
          },
        },
      },
    },
  });
  onTestFinished(() => window.happyDOM.close());
  window.console.error = (...told: unknown[]) => logged.push(told);
  window.document.body.innerHTML = html;
  const element = window.document.createElement("script");
  element.src = address;
  element.defer = true;
  const loaded = new Promise((done) => element.addEventListener("load", done));
  window.document.head.append(element);
  await loaded;
  return { asked, logged, holdfire: (window as unknown as { holdfire?: Holdfire }).holdfire };
};

describe("the boot script", () => {
  test.each([
    ["https://consent.test/s/demo.js", "https://consent.test"],
    ["https://shop.test/a/b/s/demo.js?v=1", "https://shop.test/a/b"],
    ["https://consent.test/s/demo/us-ca.js", "https://consent.test"],
    ["https://consent.test/s/demo/s/demo.js#top", "https://consent.test/s/demo"],
  ])("at %s finds its service at %s", async (address, base) => {
    const { asked, holdfire } = await load(address);
    await expect.poll(() => asked).toEqual([`${base}/assets/banner.00000000.js`]);
    holdfire?.acceptAll();
    await expect.poll(() => asked).toContain(`${base}/v1/sites/demo/choices`);
  });

  test("says again what its own address declares, and nothing else of it", async () => {
    const { asked, holdfire } = await load(
      "https://consent.test/s/demo.js?v=1&age=15&utm_source=x&residence=US-CA",
    );
    holdfire?.acceptAll();
    await expect
      .poll(() => asked)
      .toContain("https://consent.test/v1/sites/demo/choices?age=15&residence=US-CA");
  });

  test("is not misled by markup that poses as the running script", async () => {
    const posing = '<img name="currentScript" src="https://evil.test/s/demo.js">';
    const { asked } = await load("https://consent.test/s/demo.js", bootFor(), posing);
    await expect.poll(() => asked).toContain("https://consent.test/assets/banner.00000000.js");
  });

  test("that is broken leaves the page alone", async () => {
    const { holdfire, logged } = await load("https://consent.test/s/demo.js", { site: "demo" });
    expect(holdfire).toBeUndefined();
    expect(logged).toHaveLength(1);
  });
});
