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
 *
 * To take back is done at once. To release waits until the page has shown what the visitor just
 * did, and goes on slice by slice with a paint between: thirty tags at once would freeze the page.
 * Whether an element may fire is asked when its turn comes, so a refusal meanwhile wins.
 */

import { listen, matches, query, read, readNode } from "./dom";
import type { Later } from "./later";
import { apply, bare } from "./natives";
import { lendAddresses } from "./release";
import { MARKED, openRounds } from "./rounds";
import { addressOf, DEFERRED, HELD_TYPE, ORDERED, revived } from "./script";
import { attempt } from "./shape";
import type { TemplateModule } from "./template";

/** As it was when this script began: a page that replaces it must not be asked for leave. */
const { has } = WeakSet.prototype;

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
  later: Later;
}

export interface Gate {
  /** Makes the page agree with what is permitted now, which ends what was asked for, or not. */
  settle(keeps: boolean): void;
  /** Whether this element may fire now. */
  permits(held: Element): boolean;
  /** Lets one element load, whatever is permitted: the visitor asked for this one. */
  once(held: Element): void;
}

export const openGate = (keeper: Gatekeeper): Gate => {
  const { permits, nonce, failed, template, hole, later } = keeper;
  /** What is released and can be taken back, with the way to do it. */
  const live = new Map<Element, () => void>();
  /** What is never to be tried again: released scripts, and what could not be released. */
  const spent = new WeakSet<Element>();
  /** What the visitor asked for by itself. */
  let asked = new WeakSet<Element>();
  const releaseScript = openScripts(nonce, spent, () => rounds.now());

  const permitted = (held: Element) =>
    apply(has, asked, [held]) ||
    permits(held.getAttribute("data-category"), held.getAttribute("data-service"));

  /** Tells whether it took any of the page's time. */
  const release = (held: Element): unknown => {
    if (!held.isConnected || live.has(held) || spent.has(held)) return;
    if (!permitted(held)) return matches(held, HOLE) && hole();
    if (matches(held, "script"))
      return isHeld(held as HTMLScriptElement) && releaseScript(held as HTMLScriptElement);
    if (held instanceof HTMLTemplateElement) {
      if (!isParsed(held)) return;
      // Few pages have any: what unfolds them is loaded when there is one, and asks again by then.
      return template(({ unfold }) => {
        if (live.has(held) || !held.isConnected || !permitted(held)) return;
        live.set(held, unfold(held));
        rounds.now();
      });
    }
    const takeBack = lendAddresses(held);
    return takeBack && live.set(held, takeBack);
  };

  const handle = (held: Element, act: (held: Element) => unknown) => {
    try {
      // A form's members may be its inputs; nothing that we hold is one.
      return !(held instanceof HTMLFormElement) && act(held);
    } catch (cause) {
      attempt(() => spent.add(held));
      return failed(cause);
    }
  };

  const rounds = openRounds((held) => handle(held, release), later);

  new MutationObserver((records) => {
    // While the document is being read, what was incomplete before may be complete now.
    if (isLoading()) return rounds.now();
    for (const { addedNodes } of records) {
      for (const node of addedNodes) {
        if (!(node instanceof Element)) continue;
        if (matches(node, MARKED) || query(node, MARKED)[0]) rounds.later();
      }
    }
  }).observe(document, bare({ childList: true, subtree: true }));
  listen(document, "DOMContentLoaded", rounds.now);

  // What was decided before this page came is no news to the visitor: no paint has to show it.
  let go = rounds.now;
  return {
    settle: (keeps) => {
      if (!keeps) asked = new WeakSet();
      for (const [held, takeBack] of live) {
        if (held.isConnected && permitted(held)) continue;
        live.delete(held);
        handle(held, takeBack);
      }
      go();
      go = rounds.later;
    },
    permits: permitted,
    once: (held) => {
      asked.add(held);
      handle(held, release);
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
    const deferred = matches(held, DEFERRED);
    const ordered = matches(held, ORDERED);
    if (deferred ? waiting || isLoading() : ordered && (waiting || (inline && loading))) {
      waiting ||= ordered;
      return;
    }
    const fresh = revived(held);
    if (ordered && !inline) {
      loading++;
      // Its own handlers, which were there first, have run by then.
      fresh.addEventListener("load", loaded);
      fresh.addEventListener("error", loaded);
    }
    spent.add(held);
    held.replaceWith(fresh);
    return true;
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
