/**
 * `frame.js`: what a frame of another origin reads its page's decisions with. See docs/frames.md.
 *
 *     <script src="https://consent.example/frame.js" data-page="https://shop.example"></script>
 *
 * Asked is every window above that may be at an origin of `data-page`. No answer is a no, and where
 * several answer, what one of them denies is denied.
 */

import { listen, read } from "../dom";
import { freeze, table } from "../natives";
import { attempt } from "../shape";
import type { Cancel, Decision, Reason, Table } from "../types";

/** Milliseconds until a page that was not ready is asked again; twice as long each time. */
const AGAIN = 125;
/** Who waits for this long has asked for 1.9 s, and takes no answer for an answer. */
const BOUND = 2_000;
/** Who would have to wait for this long asks no more. */
const LAST = 64_000;
/** Decisions in one message: more than any site has categories and services. */
const MOST = 2_000;

type Event = "ready" | "change";

/** `window.holdfire` in a frame. Nothing of it writes, and nothing throws. */
export interface FrameHoldfire {
  /** Kept once the page has answered, or has had the time to. */
  readonly ready: Promise<FrameHoldfire>;
  allowed(id: string): boolean;
  decision(id: string): Decision;
  when(id: string, run: () => void): Cancel;
  on(event: Event, listener: (holdfire: FrameHoldfire) => void): Cancel;
}

/** A window above this one. */
interface Page {
  readonly _window: Window;
  /** Where it may be. */
  readonly _origins: readonly string[];
  _port: MessagePort | null;
  _told: Table<Decision> | null;
}

const UNANSWERED: Decision = freeze({ allow: false, reason: "store_unavailable" });
const UNKNOWN: Decision = freeze({ allow: false, reason: "unknown_service" });

const start = () => {
  const own = window as unknown as { holdfire?: FrameHoldfire };
  // A frame with a boot script of its own knows better.
  if (own.holdfire?.ready) return;
  const pages = pagesAbove(originsIn(`${read("currentScript")?.getAttribute("data-page")}`));
  const tasks = new Set<(event?: Event) => void>();
  let event: Event = "ready";
  let nonce = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether there is nothing more to wait for. */
  let known = false;
  let keep = (_: FrameHoldfire) => {};

  const decision = (id: string): Decision => {
    const said = pages.flatMap(({ _told }) => (known && _told ? (_told[id] ?? UNKNOWN) : []));
    return said.find(({ allow }) => !allow) ?? said[0] ?? UNANSWERED;
  };
  const settle = (isDue: boolean) => {
    known ||= isDue || pages.every(({ _told }) => _told);
    if (!known) return;
    keep(api);
    for (const task of tasks) task(event);
    event = "change";
  };

  const ask = (wait: number) => {
    for (const { _window, _origins, _told } of pages) {
      if (_told) continue;
      for (const origin of _origins) _window.postMessage({ holdfire: 1, ask: nonce }, origin);
    }
    if (!known) settle(wait === BOUND);
    if (wait < LAST) timer = setTimeout(ask, wait, wait * 2);
  };
  const begin = () => {
    known = false;
    for (const page of pages) page._told = null;
    nonce = crypto.getRandomValues(new Uint32Array(4)).join("-");
    clearTimeout(timer);
    ask(AGAIN);
  };

  listen(window, "message", (message) => {
    const { data, origin, source, ports } = message as MessageEvent;
    const page = pages.find((one) => one._window === source && one._origins.includes(origin));
    const [port] = ports;
    if (!page || !port || data?.to !== nonce) return;
    page._port?.close();
    page._port = port;
    port.onmessage = ({ data: given }) => {
      page._told = toldIn(given);
      settle(false);
    };
  });
  // What was told ended with the page view: who comes back to it asks anew.
  listen(window, "pageshow", (shown) => {
    if ((shown as PageTransitionEvent).persisted) begin();
  });

  /** Has something done at each change, until it is cancelled. What it throws is the frame's own. */
  const watch = (task: (event?: Event) => void): Cancel => {
    tasks.add(task);
    return () => tasks.delete(task);
  };
  const api: FrameHoldfire = freeze({
    ready: new Promise<FrameHoldfire>((done) => {
      keep = done;
    }),
    allowed: (id) => decision(id).allow,
    decision,
    when: (id, run) => {
      const task = () => {
        if (decision(id).allow && tasks.delete(task)) queueMicrotask(run);
      };
      queueMicrotask(task);
      return watch(task);
    },
    on: (wanted, listener) =>
      watch((now) => {
        if (now === wanted) queueMicrotask(() => listener(api));
      }),
  } satisfies FrameHoldfire);
  own.holdfire = api;
  begin();
};

/** The windows above, nearest first, without those that are known to be somewhere else. */
const pagesAbove = (origins: readonly string[]): Page[] => {
  const found: Page[] = [];
  let at: Window = window;
  for (let above = 0; at !== at.parent; above++) {
    at = at.parent;
    // Not every browser says where they are.
    const there = location.ancestorOrigins?.[above];
    const may = origins.filter((origin) => !there || origin === there);
    if (may[0]) found.push({ _window: at, _origins: may, _port: null, _told: null });
  }
  return found;
};

/** The exact origins in a list. "*" is none, so that no question goes to whoever may be there. */
const originsIn = (list: string): string[] =>
  list.split(/\s/).filter((text) => attempt(() => new URL(text).origin) === text);

/** What can be read of a message. What cannot is denied, for it is not there. */
const toldIn = (given: { decisions: Table<Decision> }): Table<Decision> => {
  const found = table<Decision>();
  attempt(() => {
    for (const [id, { allow, reason }] of Object.entries(given.decisions).slice(0, MOST)) {
      found[id] = freeze({ allow: allow === true, reason: `${reason}` as Reason });
    }
  });
  return found;
};

start();
