/** A page for one test: a window of its own, in which the core runs bundled and minified. */

import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { HTMLScriptElement, Window } from "happy-dom";
import { onTestFinished } from "vitest";
import type { Boot, Choice, Decision, Holdfire } from "../src/types";
import { bootFor, payload, SITE, tokenOf } from "./boot";

export const BASE = "https://consent.test/p";

export interface Request {
  url: string;
  method: string;
  body: Choice | null;
  keepalive: boolean;
  credentials: string;
  authorization: string;
}

export interface Reply {
  status: number;
  body?: string;
  headers?: Record<string, string>;
}

export interface Setup {
  url?: string;
  html?: string;
  boot?: Boot;
  /** Members of its window. */
  members?: Record<string, unknown>;
  /** Runs in the page before the core does. */
  before?: string;
  /** What third parties serve, by address; nothing where it is not told. */
  scripts?: Record<string, string>;
  /** How the service answers; `null` is a network that fails. */
  reply?: (request: Request) => Reply | null;
  nonce?: string;
  declared?: string;
  base?: string;
  cookie?: string;
  local?: Record<string, string>;
}

// The property that stands in for the attribute, which happy-dom does not know.
Object.defineProperty(HTMLScriptElement.prototype, "nonce", {
  get(this: HTMLScriptElement) {
    return this.getAttribute("nonce") ?? "";
  },
  set(this: HTMLScriptElement, nonce: string) {
    if (nonce) this.setAttribute("nonce", nonce);
  },
});

let bundled: Promise<string> | undefined;

/** The core as it ships, but for the door through which a test hands in its boot script. */
const core = (): Promise<string> => {
  bundled ??= build({
    stdin: {
      contents: `
        import { start } from "./start";
        import { adopt } from "./natives";
        window.startHoldfire = (boot, origin) => start(adopt(boot), origin);`,
      resolveDir: fileURLToPath(new URL("../src", import.meta.url)),
    },
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2020",
    tsconfigRaw: { compilerOptions: { strict: true } },
    write: false,
  }).then(({ outputFiles }) => outputFiles[0]?.text ?? "");
  return bundled;
};

/** A record of what the request asked for. */
export const recorded = ({ body }: Request): Reply => ({
  status: 201,
  body: JSON.stringify({
    event_id: body?.event_id,
    token: tokenOf(
      payload({
        a: body?.action ?? "",
        g: Number(body?.control === "gpc"),
        c: Object.fromEntries(Object.entries(body?.categories ?? {}).map(([k, v]) => [k, +v])),
      }),
    ),
  }),
});

export const openPage = async (setup: Setup = {}) => {
  const { url = "https://shop.test/", html = "", reply = recorded } = setup;
  const { base = BASE, nonce = "", declared = "", boot = bootFor(), before, cookie } = setup;
  const { local = {}, scripts = {}, members = {} } = setup;
  const requests: Request[] = [];
  const loads: string[] = [];
  const shown: string[] = [];
  const errors: unknown[] = [];
  const window = new Window({
    url,
    settings: {
      enableJavaScriptEvaluation: true,
      suppressInsecureJavaScriptEnvironmentWarning: true,
      disableCSSFileLoading: true,
      handleDisabledFileLoadingAsSuccess: true,
      disableIframePageLoading: true,
      fetch: {
        interceptor: {
          beforeAsyncRequest: async ({ request, window: page }) =>
            new page.Response(scripts[request.url] ?? ""),
          // What a parser would wait for is served as nothing, lest it be asked of a network.
          beforeSyncRequest: ({ request, window: page }) => ({
            status: 200,
            statusText: "OK",
            ok: true,
            url: request.url,
            redirected: false,
            headers: new page.Headers(),
            body: Buffer.from(""),
          }),
        },
      },
    },
  });
  onTestFinished(() => window.happyDOM.close());
  const run = (script: string) => window.eval(script);
  Object.assign(window, members, {
    fetch: async (address: string, init: RequestInit) => {
      const request: Request = {
        url: address,
        method: init.method ?? "GET",
        body: init.body ? JSON.parse(String(init.body)) : null,
        keepalive: init.keepalive ?? false,
        credentials: init.credentials ?? "",
        authorization: new Headers(init.headers).get("authorization") ?? "",
      };
      requests.push(request);
      const answer = reply(request);
      if (!answer) throw new TypeError("Failed to fetch");
      return {
        status: answer.status,
        text: async () => answer.body ?? "",
        headers: new Headers(answer.headers),
      };
    },
    load: async (address: string) => {
      loads.push(address);
      return {
        mount: () => ({
          show: (view: string) => shown.push(`show ${view}`),
          update: () => shown.push("update"),
          hide: () => shown.push("hide"),
        }),
      };
    },
  });
  window.console.error = (from: unknown, cause: unknown) => {
    if (from === "holdfire:") errors.push(cause);
  };
  if (cookie) window.document.cookie = cookie;
  for (const [key, value] of Object.entries(local)) window.localStorage.setItem(key, value);
  window.document.body.innerHTML = html;
  if (before) run(before);
  run(await core());
  const begin = (again: Boot = boot) =>
    run(
      `startHoldfire(${JSON.stringify(again)}, {base: ${JSON.stringify(base)}, nonce: ${JSON.stringify(nonce)}, declared: ${JSON.stringify(declared)}, load: (address) => load(address)})`,
    );
  begin();
  return {
    window,
    document: window.document,
    requests,
    loads,
    shown,
    errors,
    run,
    /** Runs the boot script once more. */
    begin,
    holdfire: (window as unknown as { holdfire: Holdfire }).holdfire,
    /** What waits to be sent. */
    queued: (): string[] =>
      Object.keys(window.localStorage).filter((key) => key.startsWith(`holdfire:${SITE}:out:`)),
    /** The decision as a plain object of this realm. */
    decision: (id: string): Decision =>
      JSON.parse(run(`JSON.stringify(holdfire.decision(${JSON.stringify(id)}))`)),
  };
};

/** Lets everything that waits for nothing but its turn have it. */
export const turn = () => new Promise((done) => setTimeout(done));
