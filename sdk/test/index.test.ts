import { Window } from "happy-dom";
import { describe, expect, onTestFinished, test } from "vitest";
import { bundle, enclosed } from "../bundle.mjs";
import type { Holdfire } from "../src/types";
import { bootFor, wordsFor } from "./boot";

const CORE = await bundle("index.ts", "iife");
const ACT = await bundle("act/index.ts", "esm");
const COURIER = await bundle("courier/index.ts", "esm");

/** The boot script, put together as the service does it. */
const bootScript = (boot: unknown, inlined: string): string =>
  `!function(HOLDFIRE_BOOT,HOLDFIRE_INLINED){${CORE}\n}(${JSON.stringify(boot)},${inlined});\n`;

/** For a visitor who is known, and for one who is new: words come along where they are asked. */
const NOTHING = "{chunks:{__proto__:null},words:null,parts:[]}";
const WHAT_ASKS = `{chunks:{__proto__:null,act:${enclosed(ACT)},banner:()=>({mount:()=>{
  window.asked=true;return{show(){},update(){}}}})},words:${JSON.stringify(wordsFor())},parts:[]}`;

/** What is under an address of the service. */
const served = (address: string): string => {
  if (address.includes("/assets/act.")) return ACT;
  if (address.includes("/assets/courier.")) return COURIER;
  if (address.includes("/assets/words-"))
    return `export const words=${JSON.stringify(wordsFor())};`;
  return "export const mount = () => ({ show() {}, update() {} });";
};

interface Setup {
  boot?: unknown;
  inlined?: string;
  html?: string;
  before?: (window: Window) => void;
}

/** Loads the boot script from an address; tells what the page asked of the service afterwards. */
const load = async (address: string, setup: Setup = {}) => {
  const { boot = bootFor(), inlined = NOTHING, html = "", before = () => {} } = setup;
  const asked: string[] = [];
  const logged: unknown[] = [];
  const window = new Window({
    url: "https://shop.test/",
    settings: {
      enableJavaScriptEvaluation: true,
      suppressInsecureJavaScriptEnvironmentWarning: true,
      fetch: {
        interceptor: {
          beforeAsyncRequest: async ({ request, window: page }) => {
            if (request.url === address) return new page.Response(bootScript(boot, inlined));
            asked.push(request.url);
            return new page.Response(served(request.url));
          },
        },
      },
    },
  });
  onTestFinished(() => window.happyDOM.close());
  window.console.error = (...told: unknown[]) => logged.push(told);
  window.document.body.innerHTML = html;
  before(window);
  const element = window.document.createElement("script");
  element.src = address;
  element.defer = true;
  const loaded = new Promise((done) => element.addEventListener("load", done));
  window.document.head.append(element);
  await loaded;
  const holdfire = () => (window as unknown as { holdfire?: Holdfire }).holdfire;
  return { asked, logged, window, holdfire };
};

describe("the boot script", () => {
  test.each([
    ["https://consent.test/s/demo.js", "https://consent.test"],
    ["https://shop.test/a/b/s/demo.js?v=1", "https://shop.test/a/b"],
    ["https://consent.test/s/demo/us-ca.js", "https://consent.test"],
    ["https://consent.test/s/demo/s/demo.js#top", "https://consent.test/s/demo"],
  ])("at %s finds its service at %s", async (address, base) => {
    const { asked, holdfire } = await load(address);
    await expect
      .poll(() => asked)
      .toEqual([`${base}/assets/banner.00000000.js`, `${base}/assets/words-demo-en.11111111.js`]);
    holdfire()?.acceptAll();
    await expect.poll(() => asked).toContain(`${base}/v1/sites/demo/choices`);
  });

  test("of a new visitor asks, and hears the answer, before anything else is loaded", async () => {
    const { asked, holdfire, window } = await load("https://consent.test/s/demo.js", {
      inlined: WHAT_ASKS,
    });
    await expect.poll(() => window).toHaveProperty("asked", true);
    expect(asked).toEqual([]);
    holdfire()?.acceptAll();
    expect(holdfire()?.allowed("analytics")).toBe(true);
  });

  test("takes no chunk from what the page gave to all objects", async () => {
    const { asked, holdfire } = await load("https://consent.test/s/demo.js", {
      before: (window) => {
        window.eval(`for (const name of ["act", "banner", "courier", "words-demo-en"]) {
          Object.prototype[name] = () => ({
            mount() { window.smuggled = true; }, open() { window.smuggled = true; },
          });
        }`);
      },
    });
    await expect.poll(() => asked).toContain("https://consent.test/assets/banner.00000000.js");
    holdfire()?.withdraw();
    await expect.poll(() => asked).toContain("https://consent.test/v1/sites/demo/choices");
    expect(asked).toContain("https://consent.test/assets/act.00000000.js");
    expect(holdfire()?.allowed("analytics")).toBe(false);
  });

  test("says again what its own address declares, and nothing else of it", async () => {
    const { asked, holdfire } = await load(
      "https://consent.test/s/demo.js?v=1&age=15&utm_source=x&residence=US-CA",
    );
    holdfire()?.acceptAll();
    await expect
      .poll(() => asked)
      .toContain("https://consent.test/v1/sites/demo/choices?residence=US-CA&age=15");
  });

  test("is not misled by markup that poses as the running script", async () => {
    const html = '<img name="currentScript" src="https://evil.test/s/demo.js">';
    const { asked } = await load("https://consent.test/s/demo.js", { html });
    await expect.poll(() => asked).toContain("https://consent.test/assets/banner.00000000.js");
  });

  test("has ended before it looks at the cookies", async () => {
    const { window } = await load("https://consent.test/s/demo.js", {
      before: (window) => {
        window.eval(`
          window.within = [];
          Object.defineProperty(Document.prototype, "cookie", {
            get() { within.push(document.currentScript); return ""; },
          });
        `);
      },
    });
    const { within } = window as unknown as { within: unknown[] };
    expect(new Set(within)).toEqual(new Set([null]));
  });

  test("that is broken leaves the page alone", async () => {
    const { holdfire, logged } = await load("https://consent.test/s/demo.js", {
      boot: { site: "demo" },
    });
    expect(holdfire()).toBeUndefined();
    expect(logged).toHaveLength(1);
  });
});

describe("a page that is only prepared", () => {
  const preparing = (window: Window) => {
    Object.assign(window.document, { prerendering: true });
  };
  const html = `<script type="text/plain" data-category="necessary">window.ran = true</script>`;

  test("is nobody's page view until somebody goes there", async () => {
    const { asked, holdfire, window } = await load("https://consent.test/s/demo.js", {
      before: preparing,
      html,
    });
    expect(holdfire()).toBeUndefined();
    expect([asked, window]).toEqual([[], expect.not.objectContaining({ ran: true })]);
    window.document.dispatchEvent(new window.Event("prerenderingchange"));
    await expect.poll(() => holdfire()?.allowed("necessary")).toBe(true);
    expect(window).toHaveProperty("ran", true);
    await expect.poll(() => asked).toContain("https://consent.test/assets/banner.00000000.js");
  });

  test("hears nothing of a boot script that turns out to be broken", async () => {
    const { holdfire, logged, window } = await load("https://consent.test/s/demo.js", {
      boot: { site: "demo" },
      before: preparing,
    });
    const heard: unknown[] = [];
    window.addEventListener("error", (event) => heard.push(event));
    window.document.dispatchEvent(new window.Event("prerenderingchange"));
    await expect.poll(() => logged).toHaveLength(1);
    expect(holdfire()).toBeUndefined();
    expect(heard).toEqual([]);
  });
});
