/**
 * The gate: marked elements hold their fire until they are allowed, and then run in place.
 *
 *     <script type="text/plain" data-category="…" data-service="…" data-src="…"></script>
 *     <iframe data-category="…" data-src="…"></iframe>       (img, video, … likewise; data-srcset)
 *     <link rel="stylesheet" data-category="…" data-href="…">       <object data-category="…" data-data="…">
 *     <template data-category="…">…any markup…</template>
 *
 * Holding is the markup's own doing: nothing here has to be in time. All that this module does is
 * to release, in document order and each once, and to take back what can be taken back.
 */

import { listen, matches, query, read, readNode } from "./dom";
import { bare } from "./natives";
import { lendAddresses } from "./release";
import { addressOf, HELD_TYPE, isOrdered, revived } from "./script";
import type { TemplateModule } from "./template";

const MARKED = "[data-category],[data-service]";
/** What leaves a hole where it stands while it is held. */
const HOLE = "iframe,video,audio,embed,object";

export interface Gatekeeper {
  /** Whether an element with these marks may fire now; `null` is an absent mark. */
  permits(category: string | null, service: string | null): boolean;
  /** The boot script's nonce, or "". */
  nonce: string;
  /** Told of each element that could not be released. It stays held. */
  failed(cause: unknown): void;
  /** Has a template unfolded. */
  template(use: (chunk: TemplateModule) => void): void;
  /** Told of each hole that is found. */
  hole(): void;
}

export interface Gate {
  /** Makes the page agree with what is permitted now, which ends what was asked for, or not. */
  settle(keeps: boolean): void;
  /** Whether this element may fire now. */
  permits(held: Element): boolean;
  /** Lets one element load, whatever is permitted: the visitor asked for this one. */
  once(held: Element): void;
}

export const openGate = ({ permits, nonce, failed, template, hole }: Gatekeeper): Gate => {
  /** What is released and can be taken back, with the way to do it. */
  const live = new Map<Element, () => void>();
  /** What is never to be tried again: released scripts, and what could not be released. */
  const spent = new WeakSet<Element>();
  /** What the visitor asked for by itself. */
  let asked = new WeakSet<Element>();
  const releaseScript = openScripts(nonce, spent, () => pass(document));

  const permitted = (held: Element) =>
    asked.has(held) ||
    permits(held.getAttribute("data-category"), held.getAttribute("data-service"));

  const release = (held: Element) => {
    if (!held.isConnected || live.has(held) || spent.has(held)) return;
    if (!permitted(held)) {
      if (matches(held, HOLE)) hole();
    } else if (held instanceof HTMLScriptElement) {
      if (isHeld(held)) releaseScript(held);
    } else if (held instanceof HTMLTemplateElement) {
      if (!isParsed(held)) return;
      // Few pages have any: what unfolds them is loaded when there is one, and asks again by then.
      template(({ unfold }) => {
        if (live.has(held) || !held.isConnected || !permitted(held)) return;
        const { nodes, takeBack } = unfold(held);
        live.set(held, takeBack);
        for (const node of nodes) if (node instanceof Element) pass(node);
      });
    } else {
      const takeBack = lendAddresses(held);
      if (takeBack) live.set(held, takeBack);
    }
  };

  const attempt = (held: Element, act: (held: Element) => void) => {
    try {
      // A form's members may be its inputs; nothing that we hold is one.
      if (!(held instanceof HTMLFormElement)) act(held);
    } catch (cause) {
      spent.add(held);
      failed(cause);
    }
  };

  /** Releases, under `root` and in document order, what is held and allowed. */
  const pass = (root: Document | Element) => {
    if (root instanceof Element && matches(root, MARKED)) attempt(root, release);
    for (const held of query(root, MARKED)) attempt(held, release);
  };

  new MutationObserver((records) => {
    // While the document is being read, what was incomplete before may be complete now.
    if (isLoading()) return pass(document);
    for (const { addedNodes } of records) {
      for (const node of addedNodes) if (node instanceof Element) pass(node);
    }
  }).observe(document, bare({ childList: true, subtree: true }));
  listen(document, "DOMContentLoaded", () => pass(document));

  return {
    settle: (keeps) => {
      if (!keeps) asked = new WeakSet();
      for (const [held, takeBack] of live) {
        if (held.isConnected && permitted(held)) continue;
        live.delete(held);
        attempt(held, takeBack);
      }
      pass(document);
    },
    permits: permitted,
    once: (held) => {
      asked.add(held);
      attempt(held, release);
    },
  };
};

/** Releases scripts in the order in which the parser would have run them. */
const openScripts = (nonce: string, spent: WeakSet<Element>, goOn: () => void) => {
  /** Ordered scripts that are loading, and whether one waits for them. */
  let loading = 0;
  let waiting = false;

  const loaded = () => {
    if (--loading) return;
    waiting = false;
    goOn();
  };

  return (held: HTMLScriptElement) => {
    // Under a nonce policy, markup that slipped in without the nonce must not gain from us the
    // right to run that the policy denies it.
    if (nonce && held.nonce !== nonce) throw new Error("script without the nonce");
    const inline = addressOf(held) === null;
    const ordered = isOrdered(held);
    if (ordered && (waiting || (inline && loading))) {
      waiting = true;
      return;
    }
    const fresh = revived(held);
    if (ordered && !inline) {
      loading++;
      listen(fresh, "load", loaded);
      listen(fresh, "error", loaded);
    }
    spent.add(held);
    held.replaceWith(fresh);
  };
};

/** Whether the script is one of ours, and all there. */
const isHeld = (script: HTMLScriptElement): boolean =>
  script.type === HELD_TYPE && (addressOf(script) !== null || isParsed(script));

const isLoading = () => read("readyState") === "loading";

/** Whether the parser is past the end of this element: its text or content may arrive in pieces. */
const isParsed = (node: Node): boolean => {
  if (!isLoading()) return true;
  for (let at: Node | null = node; at; at = readNode(at, "parentNode")) {
    if (readNode(at, "nextSibling")) return true;
  }
  return false;
};
