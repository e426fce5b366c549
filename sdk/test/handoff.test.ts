import { HTMLAnchorElement, Window } from "happy-dom";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { bundle, enclosed } from "../bundle.mjs";
import type { Host } from "../src/host";
import { openMemory } from "../src/storage";
import type { Part } from "../src/types";
import { areaOf } from "./area";
import { bootFor, payload, tokenOf } from "./boot";
import { turn } from "./page";

const CHUNK = enclosed(await bundle("handoff/index.ts", "esm"));
const BASE = "https://consent.test/p";
const BLOG = "https://blog.example";
const NOW = 1_800_000_000;
const KEY = "holdfire:demo";
const ONE = payload({ t: NOW - 60, u: NOW + 9_999 });
const OTHER = payload({ v: "B".repeat(22), t: NOW - 50, u: NOW + 9_999 });

/** What a browser keeps of a choice that the service has recorded. */
const chosen = (more: object = {}) => ({
  [KEY]: JSON.stringify({ ...ONE, e: "first", ...more }),
  [`${KEY}:token`]: tokenOf(ONE),
});

interface Setup {
  url?: string;
  html?: string;
  referrer?: string;
  local?: Record<string, string>;
  declared?: string;
  gpc?: boolean;
  framed?: boolean;
  base?: string;
  /** What the service answers, in time; `null` fails. */
  reply?: () => Promise<[status: number, body: object] | null>;
}

/** A page that the part is opened on, with links to click. */
const opened = (setup: Setup = {}) => {
  const { url = "https://shop.example/", html = "", referrer = "", local = {} } = setup;
  const { declared = "", gpc = false, framed = false, base = BASE } = setup;
  const { reply = async () => [201, { token: "to.ken" }] } = setup;
  const page = new Window({
    url,
    settings: {
      enableJavaScriptEvaluation: true,
      suppressInsecureJavaScriptEnvironmentWarning: true,
    },
  });
  onTestFinished(() => page.happyDOM.close());
  page.document.body.innerHTML = html; // the test's own markup
  page.eval(`Object.defineProperty(Document.prototype, "referrer", { get: () => "${referrer}" })`);
  if (framed) page.eval(`Object.defineProperty(window, "top", { value: {} })`);
  const kept = new Map(Object.entries(local));
  const requests: { url: string; body: unknown; authorization: string | undefined }[] = [];
  const settled: string[] = [];
  const boot = bootFor();
  const area = areaOf(kept);
  const stored = openMemory(boot, area);
  // Whatever these pages know is in their storage: there is no cookie here.
  const memory = { ...stored, recall: stored.own };
  const host: Partial<Host> = {
    ...{ base, boot, declared, memory, local: area },
    now: () => NOW,
    signals: () => ({ gpc, dnt: null }),
    settle: (cause) => settled.push(cause),
    fetch: (async (address: string, init: RequestInit) => {
      const headers = init.headers as Record<string, string>;
      const { authorization } = headers;
      requests.push({ url: address, body: JSON.parse(String(init.body)), authorization });
      const answer = await reply();
      if (!answer) throw new TypeError("Failed to fetch");
      return { status: answer[0], text: async () => JSON.stringify(answer[1]) };
    }) as typeof fetch,
  };
  const options = { sisters: { [BLOG]: "blog" } };
  const part: Part = page.eval(`(${CHUNK})()`).open(host as Host, options);
  /** The addresses that were gone to: what the browser would follow after all listeners. */
  const visited: string[] = [];
  page.addEventListener("click", (event) => {
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
    if (!event.defaultPrevented && link instanceof HTMLAnchorElement) visited.push(link.href);
    event.preventDefault();
  });
  return {
    ...{ page, part, requests, settled, visited, kept, memory },
    link: () => page.document.querySelector("a") as HTMLAnchorElement,
    click: async (more: object = {}) => {
      const target = page.document.querySelector("a > *") ?? page.document.querySelector("a");
      const init = { bubbles: true, composed: true, cancelable: true, ...more };
      target?.dispatchEvent(new page.MouseEvent("click", init));
      await turn();
    },
  };
};

const LINK = `<a href="${BLOG}/post?id=1"><b>Blog</b></a>`;

describe("leaving for a sister", () => {
  test("asks for a token at the click, and takes it along in the fragment", async () => {
    const { click, requests, visited, link } = opened({ html: LINK, local: chosen() });
    expect(requests).toEqual([]);
    await click();

    expect(requests).toEqual([
      {
        url: `${BASE}/v1/sites/demo/handoffs`,
        body: { site: "blog" },
        authorization: `Bearer ${tokenOf(ONE)}`,
      },
    ]);
    expect(visited).toEqual([`${BLOG}/post?id=1#holdfire=to.ken`]);
    // Whoever copies the link later copies no token.
    expect(link().getAttribute("href")).toBe(`${BLOG}/post?id=1`);
  });

  test("keeps a fragment that the link has", async () => {
    const html = `<a href="${BLOG}/#chapter-2">Blog</a>`;
    const { click, visited } = opened({ html, local: chosen() });
    await click();

    expect(visited).toEqual([`${BLOG}/#chapter-2&holdfire=to.ken`]);
  });

  test("hands one act to one site once", async () => {
    const { click, requests, visited } = opened({ html: LINK, local: chosen() });
    await click();
    await click();

    expect(requests.length).toBe(1);
    expect(visited[1]).toBe(`${BLOG}/post?id=1`);
  });

  test.each([
    ["nobody has chosen", {}],
    ["the choice is not recorded yet", chosen({ p: 1 })],
  ])("lets the visitor go at once while %s", async (_, local) => {
    const { click, requests, visited } = opened({ html: LINK, local });
    await click();

    expect(requests).toEqual([]);
    expect(visited).toEqual([`${BLOG}/post?id=1`]);
  });

  test.each([
    ["elsewhere", "https://elsewhere.example/"],
    ["to an origin that looks alike", "https://blog.example.evil.example/"],
    ["to another port", "https://blog.example:444/"],
    ["to a plain one", "http://blog.example/"],
    ["within the site", "/about"],
  ])("leaves links alone that lead %s", async (_, href) => {
    const html = `<a href="${href}">There</a>`;
    const { click, requests, visited } = opened({ html, local: chosen() });
    await click();

    expect(requests).toEqual([]);
    expect(visited.length).toBe(1);
    expect(visited[0]).not.toContain("holdfire");
  });

  test.each([{ ctrlKey: true }, { metaKey: true }, { shiftKey: true }, { button: 1 }])(
    "leaves what opens elsewhere to the browser: %o",
    async (more) => {
      const { click, requests, visited } = opened({ html: LINK, local: chosen() });
      await click(more);

      expect(requests).toEqual([]);
      expect(visited).toEqual([`${BLOG}/post?id=1`]);
    },
  );

  test.each(["_blank", "other"])("lets a window of its own open at once: %s", async (target) => {
    const html = `<a target="${target}" href="${BLOG}/">Blog</a>`;
    const { click, requests, visited } = opened({ html, local: chosen() });
    await click();

    expect(requests).toEqual([]);
    expect(visited).toEqual([`${BLOG}/`]);
  });

  test.each([
    ["fails", async () => null],
    ["refuses", async () => [410, { error: { code: "hand_off_spent" } }] as [number, object]],
    ["talks nonsense", async () => [201, { token: { a: 1 } }] as [number, object]],
    ["answers what is no answer", async () => [200, { token: "a.b" }] as [number, object]],
  ])("goes without a token where the service %s, and tries again next time", async (_, reply) => {
    const { click, requests, visited } = opened({ html: LINK, local: chosen(), reply });
    await click();
    await click();

    expect(visited).toEqual([`${BLOG}/post?id=1`, `${BLOG}/post?id=1`]);
    expect(requests.length).toBe(2);
  });

  test("waits a second and no longer, and goes once", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let answer = (_: [number, object]) => {};
    const reply = () =>
      new Promise<[number, object]>((done) => {
        answer = done;
      });
    const page = opened({ html: LINK, local: chosen(), reply });
    page.page.setTimeout = setTimeout as never;
    page.click();
    await vi.advanceTimersByTimeAsync(999);
    expect(page.visited).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(page.visited).toEqual([`${BLOG}/post?id=1`]);
    answer([201, { token: "to.ken" }]);
    await vi.advanceTimersByTimeAsync(1);
    expect(page.visited.length).toBe(1);
  });

  test("lets the page's own listeners hear of one click", async () => {
    const { click, page } = opened({ html: LINK, local: chosen() });
    const heard: boolean[] = [];
    page.document.body.addEventListener("click", () => heard.push(true));
    await click();

    expect(heard).toEqual([true]);
  });

  test("ends with stop()", async () => {
    const { click, part, requests } = opened({ html: LINK, local: chosen() });
    part.stop?.();
    await click();

    expect(requests).toEqual([]);
  });
});

describe("arriving from a sister", () => {
  const url = "https://blog.example/post?id=1#holdfire=to.ken";
  const referrer = "https://shop.example/";
  const token = tokenOf(OTHER);
  const reply = async (): Promise<[number, object]> => [201, { event_id: "second", token }];

  test("takes the token out of the address at once, and the choice over", async () => {
    const { page, requests, settled, kept, memory } = opened({ url, referrer, reply });
    expect(page.location.href).toBe("https://blog.example/post?id=1");
    await turn();

    expect(requests).toEqual([
      {
        url: `${BASE}/v1/sites/demo/takeovers`,
        body: { token: "to.ken", from: "https://shop.example" },
        authorization: undefined,
      },
    ]);
    expect(settled).toEqual(["service"]);
    expect(kept.get(`${KEY}:token`)).toBe(token);
    const standing = memory.own(NOW);
    expect([standing?.visitor, standing?.event_id, standing?.pending]).toEqual([
      OTHER.v,
      "second",
      false,
    ]);
    expect(standing?.categories).toEqual({ functional: false, analytics: true, marketing: false });
  });

  test.each([
    ["https://blog.example/#chapter-2&holdfire=to.ken", "https://blog.example/#chapter-2"],
    ["https://blog.example/#/route?a=b&holdfire=to.ken", "https://blog.example/#/route?a=b"],
  ])("leaves the page its own fragment: %s", async (given, left) => {
    const { page, requests } = opened({ url: given, referrer, reply });
    expect(page.location.href).toBe(left);
    expect(requests.length).toBe(1);
  });

  test.each([
    ["in the query", "https://blog.example/?holdfire=to.ken"],
    ["in the path", "https://blog.example/holdfire=to.ken"],
    ["under another name", "https://blog.example/#xholdfire=to.ken"],
    ["of other characters", "https://blog.example/#holdfire=to%20ken"],
    ["of no characters", "https://blog.example/#holdfire="],
  ])("does nothing with a token %s", async (_, given) => {
    const { page, requests } = opened({ url: given, referrer, reply });
    await turn();

    expect(requests).toEqual([]);
    expect(page.location.href).toBe(given);
  });

  test.each([
    ["who comes from nowhere that can be told", { referrer: "" }],
    ["within a frame", { framed: true }],
    ["whose own choice is on its way", { local: chosen({ p: 1 }) }],
    ["whose own choice the service refused to record", { local: chosen({ v: "" }) }],
    ["whose own choice the service could not tell", { local: { [KEY]: chosen()[KEY] } }],
    [
      "whose own choice is another visitor's",
      { local: { ...chosen(), [`${KEY}:token`]: tokenOf(OTHER) } },
    ],
  ])("asks nothing for a visitor %s, and takes the token away", async (_, more) => {
    const { page, requests } = opened({ url, referrer, reply, ...(more as Setup) });
    await turn();

    expect(requests).toEqual([]);
    expect(page.location.href).toBe("https://blog.example/post?id=1");
  });

  test("says who the visitor is, and hears nothing of another", async () => {
    const { requests, settled, kept } = opened({ url, referrer, reply, local: chosen() });
    await turn();

    expect(requests[0]?.authorization).toBe(`Bearer ${tokenOf(ONE)}`);
    expect(settled).toEqual([]);
    expect(kept.get(KEY)).toBe(chosen()[KEY]);
  });

  test.each([
    ["409", async () => [409, { error: { code: "nothing_to_carry" } }] as [number, object]],
    ["no token", async () => [201, {}] as [number, object]],
    ["a strange token", async () => [201, { token: "AAAA.BBBB" }] as [number, object]],
    ["nothing", async () => null],
  ])("changes nothing after %s", async (_, answers) => {
    const { settled, kept } = opened({ url, referrer, reply: answers });
    await turn();

    expect(settled).toEqual([]);
    expect([...kept]).toEqual([]);
  });

  test.each([
    ["refused everything", { [`${KEY}:no`]: "reject_all" }],
    ["chose", { [KEY]: JSON.stringify({ ...ONE, v: "", e: "own", p: 1 }) }],
  ])("changes nothing for a visitor who %s meanwhile", async (_, meanwhile) => {
    let answer = () => {};
    const waiting = new Promise<void>((done) => {
      answer = done;
    });
    const slow = async () => {
      await waiting;
      return reply();
    };
    const { settled, kept } = opened({ url, referrer, reply: slow });
    for (const [name, text] of Object.entries(meanwhile)) kept.set(name, text);
    answer();
    await turn();

    expect(settled).toEqual([]);
    expect(Object.fromEntries(kept)).toEqual(meanwhile);
  });

  test("tells the service what it tells it of any choice", async () => {
    const { requests } = opened({ url, referrer, reply, declared: "age=15&geo=DE", gpc: true });

    expect(requests[0]?.url).toBe(`${BASE}/v1/sites/demo/takeovers?age=15&geo=DE&gpc=1`);
  });

  test.each([
    JSON.stringify({ holdfire: 1, type: "takeover", token: "to.ken" }),
    { holdfire: 1, token: "to.ken", from: "https://shop.example" },
    "#holdfire=to.ken",
  ])("hears no message, whoever sends it: %j", async (data) => {
    const { page, requests, settled } = opened({ referrer, reply });
    page.dispatchEvent(new page.MessageEvent("message", { data } as never));
    await turn();

    expect([requests, settled]).toEqual([[], []]);
  });

  test("asks for nothing where the service cannot be told", async () => {
    const { requests } = opened({ url, referrer, reply, base: "" });
    await turn();

    expect(requests).toEqual([]);
  });
});
