/**
 * Watches for whoever builds the site: what was marked, and what became of it. Opened before
 * anything on the page is decided, because a script that has run bears no marks any more. What it
 * shows is another chunk, `overlay`, loaded only where somebody asks to see it:
 *
 *     https://shop.example/#holdfire-debug
 *     localStorage.setItem("holdfire:debug", "1")
 */

import { listen, matches, query, read } from "../dom";
import type { Host } from "../host";
import { get } from "../natives";
import { attempt } from "../shape";
import type { Events, Holdfire, Part } from "../types";

/** Under this key a browser keeps that it wants to see. */
export const KEPT = "holdfire:debug";
const HASH = "holdfire-debug";
const MARKED = "[data-category],[data-service]";
/** As many as somebody can look through. */
const MANY = 500;

/** What was seen so far. */
export interface Seen {
  /** Every marked element, in the order in which they were met. */
  readonly marked: Set<Element>;
  /** The scripts of them that ran. Nothing can take that back. */
  readonly released: WeakSet<Element>;
  /** What was held that nobody had marked; the newest. */
  readonly held: Events["held"][];
}

export interface Overlay {
  /** Something may be different. */
  update(): void;
  /** Shows all of it, and takes the focus there. */
  show(): void;
  remove(): void;
}

export interface OverlayModule {
  mount(host: Host, seen: Seen): Overlay;
}

const isWanted = (): boolean =>
  location.hash.includes(HASH) || attempt(() => localStorage.getItem(KEPT)) !== null;

export const open = (host: Host): Part => {
  const seen: Seen = { marked: new Set(), released: new WeakSet(), held: [] };
  let overlay: Overlay | undefined;
  let stop: (() => void) | undefined;
  let stopped = false;
  const tell = () => overlay?.update();

  const begin = () => {
    if (stopped) return;
    // Who asks again wants to see it.
    if (stop) return overlay?.show();
    stop = watch(host, seen, tell);
    const draw = () =>
      host
        .chunk<OverlayModule>("overlay")
        .then(({ mount }) => {
          if (!stopped) overlay = mount(host, seen);
        })
        .catch(host.fail);
    if (read("body")) draw();
    else listen(document, "DOMContentLoaded", draw);
  };

  if (isWanted()) begin();
  listen(window, "hashchange", () => {
    if (location.hash.includes(HASH)) begin();
  });
  return {
    settle: tell,
    stop: () => {
      stopped = true;
      stop?.();
      overlay?.remove();
    },
  };
};

/** Notes what is marked and what is held; gives back the way to stop it. */
const watch = (host: Host, seen: Seen, tell: () => void): (() => void) => {
  const meet = (root: Element) => {
    if (matches(root, MARKED)) seen.marked.add(root);
    for (const marked of query(root, MARKED)) seen.marked.add(marked);
  };
  const observer = new MutationObserver((records) => {
    for (const { addedNodes, removedNodes } of records) {
      for (const node of addedNodes) if (node instanceof Element) meet(node);
      for (const node of removedNodes) {
        if (!(node instanceof Element)) continue;
        meet(node);
        // A held script gives way to the one that runs.
        if (node instanceof HTMLScriptElement && host.permits(node)) seen.released.add(node);
      }
    }
    tell();
  });
  for (const marked of query(document, MARKED)) seen.marked.add(marked);
  observer.observe(document, { childList: true, subtree: true });

  let off = () => {};
  // The page's own Holdfire comes at the end of this task.
  Promise.resolve().then(() => {
    const holdfire: Holdfire | null = attempt(() => get(window, "holdfire"));
    off =
      holdfire?.on?.("held", (held) => {
        seen.held.push(held);
        if (seen.held.length > MANY) seen.held.shift();
        tell();
      }) ?? off;
  });
  return () => {
    observer.disconnect();
    off();
  };
};
