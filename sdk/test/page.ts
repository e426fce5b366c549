/** A page for one test: a window of its own, in which the core runs bundled and minified. */

import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { HTMLScriptElement, Window } from "happy-dom";
import { onTestFinished } from "vitest";
import { enclosed } from "../bundle.mjs";
import type { Host } from "../src/host";
import type { Boot, Choice, Decision, Holdfire, Words } from "../src/types";
import { bootFor, payload, SITE, tokenOf, wordsFor } from "./boot";

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
  /** The chunks that the boot script brings along: for a new visitor what makes acts. */
  inlined?: readonly Chunk[];
  /** The parts that the site turned on, each as the text of a function that gives its exports. */
  parts?: Record<string, string>;
  /** The words that the boot script brings along. */
  words?: Words;
  /** What befalls a chunk on its way, by its name: it may take its time, or throw and not arrive. */
  travel?: (name: string) => void | Promise<void>;
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

/** Bundled and minified. The build's second minifier takes seconds: index.test.ts runs what it made. */
const bundled = async (contents: string, format: "iife" | "esm"): Promise<string> => {
  const resolveDir = fileURLToPath(new URL("../src", import.meta.url));
  const { outputFiles } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    minify: true,
    format,
    target: "es2022",
    tsconfigRaw: { compilerOptions: { strict: true } },
    write: false,
  });
  return outputFiles[0]?.text.trimEnd() ?? "";
};

/** The core as it ships, but for the door through which a test hands in its boot script. */
const CORE = await bundled(
  `import { start } from "./start";
   import { adopt } from "./natives";
   window.startHoldfire = (boot, origin) => start(adopt(boot), origin);`,
  "iife",
);

/** The text of a function that gives the exports of a chunk. */
const chunkText = async (name: string) =>
  enclosed(await bundled(`export * from "./${name}/index";`, "esm"));

/** The chunks that do something without being seen; the others are stood in for. */
const CHUNKS = {
  act: await chunkText("act"),
  courier: await chunkText("courier"),
  template: await chunkText("template"),
};
export type Chunk = keyof typeof CHUNKS;
export const EVERY_CHUNK = Object.keys(CHUNKS) as Chunk[];

/** `travel` for chunks that cannot be had until they are `found`. */
export const lost = (...names: string[]) => {
  let found = false;
  return {
    travel: (name: string) => {
      if (!found && names.includes(name)) throw new TypeError(`no way to ${name}`);
    },
    find: () => {
      found = true;
    },
  };
};

/** `travel` for chunks that are on their way until they `arrive`. */
export const slow = (...names: string[]) => {
  let arrive = () => {};
  const arrival = new Promise<void>((done) => {
    arrive = done;
  });
  return {
    travel: (name: string) => (names.includes(name) ? arrival : undefined),
    arrive: () => {
      arrive();
      return turn();
    },
  };
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
  const { local = {}, scripts = {}, members = {}, inlined = ["act"], words = null } = setup;
  const { parts = {}, travel = () => {} } = setup;
  const requests: Request[] = [];
  const loads: string[] = [];
  const shown: string[] = [];
  const lent: Host[] = [];
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
  const run = (script: string) => window.eval(script); // the test's own script, run as the page runs one
  // What waits for the next picture, or for its turn, does not wait here: what came of an act is to
  // be seen when the act is over.
  const wait = window.setTimeout.bind(window);
  const atOnce = (task: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
    ms ? wait(task, ms, ...given) : task(...given);
  const frame = (task: () => void) => task();
  Object.assign(window, { setTimeout: atOnce, requestAnimationFrame: frame }, members, {
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
      const name = nameIn(address);
      await travel(name);
      if (name in CHUNKS) return run(`(${CHUNKS[name as Chunk]})()`);
      const language = /^(?:words|more)-demo-(.+)$/.exec(name)?.[1];
      if (language) return { words: wordsFor(language) };
      const update = () => shown.push(name === "held" ? "update held" : "update");
      const show = (view: string) => shown.push(`show ${view}`);
      const embed = (place: { id: string }) => shown.push(`embed #${place.id}`);
      const mount = (host: Host) => {
        lent.push(host);
        return { show, embed, update, hide: () => shown.push("hide") };
      };
      return { mount };
    },
  });
  window.console.error = (from: unknown, cause: unknown) => {
    if (from === "holdfire:") errors.push(cause);
  };
  if (cookie) window.document.cookie = cookie;
  for (const [key, value] of Object.entries(local)) window.localStorage.setItem(key, value);
  window.document.body.innerHTML = html; // the test's own markup, as a parser would read it
  if (before) run(before);
  run(CORE);
  const chunks = [...inlined.map((name) => [name, CHUNKS[name]]), ...Object.entries(parts)];
  const brought = chunks.map(([name, chunk]) => `,${name}:${chunk}`).join("");
  const turnedOn = JSON.stringify(Object.keys(parts).map((name) => [name, {}]));
  const origin = `{...${JSON.stringify({ base, nonce, declared })}, load: (address) => load(address),
    inlined: {chunks: {__proto__: null${brought}}, words: ${JSON.stringify(words)}, parts: ${turnedOn}}}`;
  const begin = (again: Boot = boot) => run(`startHoldfire(${JSON.stringify(again)}, ${origin})`);
  begin();
  return {
    window,
    document: window.document,
    requests,
    loads,
    shown,
    /** What the core lends to the interface. */
    host: (): Host => lent[0] as Host,
    errors,
    run,
    /** Runs the boot script once more. */
    begin,
    holdfire: (window as unknown as { holdfire: Holdfire }).holdfire,
    /** The names of what was loaded. */
    loaded: (): string[] => loads.map(nameIn),
    /** What the browser keeps for the next page. */
    kept: (): Record<string, string> => Object.fromEntries(Object.entries(window.localStorage)),
    /** What waits to be sent. */
    queued: (): string[] =>
      Object.keys(window.localStorage).filter((key) => key.startsWith(`holdfire:${SITE}:out:`)),
    /** The decision as a plain object of this realm. */
    decision: (id: string): Decision =>
      JSON.parse(run(`JSON.stringify(holdfire.decision(${JSON.stringify(id)}))`)),
  };
};

/** The name in the address of a chunk. */
const nameIn = (address: string): string =>
  /\/assets\/(.+)\.[0-9a-f]{8}\.js/.exec(address)?.[1] ?? "";

/** Lets everything that waits for nothing but its turn have it. */
export const turn = () => new Promise((done) => setTimeout(done));
