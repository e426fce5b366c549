/**
 * Frames of other origins, which the site listed, may read what holds. See docs/frames.md.
 *
 *     frame → page   {holdfire: 1, ask: NONCE}                  by postMessage
 *     page → frame   {holdfire: 1, to: NONCE}, and one port     by postMessage, to the window that asked
 *     page → frame   {decisions: {ID: {allow, reason}, …}}      by that port: now, and at each change
 *
 * Nothing else is heard, and nothing at all by a port: there is no message that could set anything.
 * Nothing else is told either, such as the law that holds, which would tell where the visitor is.
 */

import { listen } from "../dom";
import type { Host } from "../host";
import { keys } from "../natives";
import { attempt } from "../shape";
import type { Part, Snapshot } from "../types";

/** What a frame may take for its own mark: anything else is no question, however it looks. */
const NONCE = /^[\w-]{16,64}$/;
/** Frames that are told at a time. Who comes when there are so many gets no answer, which is a no. */
const MOST = 64;

interface Options {
  /** Exact origins of the frames' own pages. */
  readonly origins: readonly string[];
}

export const open = (_: Host, { origins }: Options): Part => {
  const { MessageChannel } = window;
  const frames = new Map<Window, { port: MessagePort; nonce: string }>();
  let told: unknown;
  let last = "";

  const drop = (frame: Window) => {
    frames.get(frame)?.port.close();
    frames.delete(frame);
  };
  /** Forgets the frames that are gone. */
  const tidy = () => {
    for (const frame of frames.keys()) if (frame.closed) drop(frame);
  };
  const hear = (message: MessageEvent) => {
    const { origin, source } = message;
    // The origin comes first: what a stranger sent is not even unpacked. A sandboxed frame's is
    // "null", which no list holds.
    if (!told || !origins.includes(origin) || !isBelow(source)) return;
    const { holdfire, ask: nonce } = message.data;
    if (holdfire !== 1 || typeof nonce !== "string" || !NONCE.test(nonce)) return;
    // Who asks again was not answered yet: the answer is on its way.
    if (frames.get(source)?.nonce === nonce) return;
    drop(source);
    tidy();
    if (frames.size >= MOST) return;
    const { port1: port, port2 } = new MessageChannel();
    port.postMessage(told);
    source.postMessage({ holdfire: 1, to: nonce }, origin, [port2]);
    frames.set(source, { port, nonce });
  };
  // Whatever a message is that cannot be read, it gets no answer.
  listen(window, "message", (event) => attempt(() => hear(event as MessageEvent)));
  // Who comes back with the page asks anew.
  listen(window, "pagehide", () => [...frames.keys()].forEach(drop));

  return {
    settle: ({ categories, services }: Snapshot) => {
      const decisions = { ...categories, ...services };
      // An act may come out as what held before it, which is no change.
      const reasons = keys(decisions).map((id) => `${id} ${decisions[id]?.reason}`);
      const before = last;
      last = reasons.join();
      if (last === before) return;
      told = { decisions };
      tidy();
      for (const { port } of frames.values()) port.postMessage(told);
    },
  };
};

/** Whether a message came from a frame of this page, or from one inside such a frame. */
const isBelow = (source: MessageEventSource | null): source is Window => {
  for (let at = source as Window | null; at && at !== at.parent; at = at.parent) {
    if (at.parent === window) return true;
  }
  return false;
};
