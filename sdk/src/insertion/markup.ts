/** Nodes and markup on their way into a document. */

import type { Ground, Realm } from "../intercept/ground";
import type { Handler, Wrap } from "../intercept/wrap";
import { apply, bare } from "../natives";
import { attempt } from "../shape";
import type { Elements } from "./elements";
import type { Styles } from "./styles";

/** What brings nodes from anywhere to somewhere. */
const INSERTIONS =
  "appendChild insertBefore replaceChild append prepend replaceChildren before after replaceWith insertAdjacentElement insertNode surroundContents moveBefore adoptNode";
/** What reads markup. */
const READERS =
  "innerHTML outerHTML setHTML setHTMLUnsafe insertAdjacentHTML createContextualFragment write writeln";
const OWNERS = "Node Element Document DocumentFragment ShadowRoot CharacterData Range";
/** Markup without any of these asks for nothing. Unlike values, names cannot be written otherwise. */
const ASKS = /src|href|data|poster|background|ping|style/i;
const ASIDE = "data-holdfire-held";
const { getRootNode } = Node.prototype;

export interface Markup {
  wrap(realm: Realm, wrap: Wrap): void;
  /** Finds again, under a root, what came into it as markup and is held. */
  collect(root: Node): void;
}

export const openMarkup = (
  { fail, keeping, enter, under, textOf, prototypeOf, mapped }: Ground,
  elements: Elements,
  styles: Styles,
  inert: Document,
): Markup => {
  /** What is held of markup, by the number that stands on it in the document. */
  const aside: Element[] = [];

  const collect = (root: Node) => {
    for (const element of under(root, `[${ASIDE}]`)) {
      const from = aside[element.getAttribute(ASIDE) as never];
      element.removeAttribute(ASIDE);
      if (!from) continue;
      // The parser would have run them one after the other.
      if (!element.hasAttribute("async")) (element as HTMLScriptElement).async = false;
      keeping.move(from, element);
    }
  };

  const insert =
    (stands: boolean): Handler =>
    (self: Node | Range, args: readonly unknown[], proceed) => {
      const at = placeOf(self);
      if (!isLive(at)) return proceed();
      const isStyle = (at as Element).localName === "style";
      let frames = false;
      const given = mapped(args, (arg) => {
        const node = arg as Text | null;
        if (isStyle && typeof arg === "string") return styles.text(at, arg);
        if (!node?.nodeType) return arg;
        if (isStyle && node.nodeType === 3) node.data = styles.text(at, node.data);
        if (stands) elements.standFor(node, at);
        elements.guard(node);
        frames ||= !!under(node, "iframe,object,embed")[0];
        return arg;
      });
      const result = proceed(given);
      if (frames) enter(apply(getRootNode, at, []));
      return result;
    };

  /** The same markup without what may not be loaded, or `null` if all of it may. */
  const freed = (markup: unknown, space: string | null): string | null => {
    // What a template holds is read as it would be wherever it came to stand.
    const copy = inert.createElementNS(space, /svg$/.test(space ?? "") ? "g" : "template");
    const root = (copy as HTMLTemplateElement).content ?? copy;
    copy.innerHTML = markup as string; // the page's own, in a document that runs nothing
    if (!elements.guard(root)) return null;
    for (const element of under(root, "*")) {
      if (!keeping.of(element)?.size) continue;
      element.setAttribute(ASIDE, `${aside.length}`);
      aside[aside.length] = element;
    }
    const free = copy.innerHTML; // read, not written
    // Markup that reads otherwise the second time is nothing to rely on.
    copy.innerHTML = trusted(free); // inert again: to see whether it reads the same
    const again = copy.innerHTML; // read, not written
    if (again !== free) throw new Error("markup that changes when it is read");
    return trusted(free);
  };

  const joined = (args: readonly unknown[]) => {
    let text = "";
    mapped(args, (arg) => {
      text += textOf(arg);
    });
    return text;
  };

  const reader =
    (name: string): Handler =>
    (self: Element | Document | Range, args: readonly unknown[], proceed) => {
      const at = placeOf(self);
      const { localName, namespaceURI } = at as Element;
      const around = at.parentNode ?? at;
      const writes = /^w/.test(name);
      const index = /^insert/.test(name) ? 1 : 0;
      const markup = args[1] && writes ? joined(args) : args[index];
      let given = args;
      if (localName === "style") given = [styles.text(at, args[0])];
      else if (localName !== "template" && isLive(at) && ASKS.test(textOf(markup))) {
        try {
          const free = freed(markup, namespaceURI ?? inert.body.namespaceURI);
          if (free) given = mapped(args, (arg, i) => (i === index ? free : writes ? "" : arg));
        } catch (cause) {
          fail(cause);
          given = mapped(args, (arg, i) => (i === index ? "" : arg));
        }
      }
      const result = proceed(given);
      collect((result as Node | undefined) ?? around);
      enter(around);
      return result;
    };

  const copier =
    (at: 0 | 1): Handler =>
    (self: Node, args: readonly unknown[], proceed) => {
      const from = at ? (args[0] as Node | undefined) : self;
      if (!from || !isLive(self) || !elements.suspects(from)) return proceed();
      const copy = apply(inert.importNode, inert, [from, args[at] as boolean]);
      elements.copy(from, copy);
      return ((self.ownerDocument ?? self) as Document).adoptNode(copy);
    };

  return {
    collect,
    wrap: (realm, wrap) => {
      for (const owner of OWNERS.split(" ")) {
        const prototype = prototypeOf(realm, owner);
        for (const name of INSERTIONS.split(" "))
          wrap(prototype, name, insert(/^(after|replaceWith)$/.test(name)));
        for (const name of READERS.split(" ")) {
          wrap(prototype, name, reader(name));
          wrap(prototype, name, reader(name), "set");
        }
        wrap(prototype, "cloneNode", copier(0));
        wrap(prototype, "importNode", copier(1));
      }
    },
  };
};

const placeOf = (self: Node | Range): Node =>
  "startContainer" in self ? self.startContainer : self;
const isLive = (node: Node) => !!((node.ownerDocument ?? node) as Document).defaultView;

interface Policy {
  createHTML(text: string): string;
}

let policy: Policy | undefined;

/** Trusted Types, where the page requires them: a page that lists its policies lists this one. */
const trusted = (markup: string): string => {
  const rules = bare({ createHTML: (text: string) => text });
  const { trustedTypes } = window as {
    trustedTypes?: { createPolicy(...of: unknown[]): Policy };
  };
  policy ??= attempt(() => trustedTypes?.createPolicy("holdfire-intercept", rules)) ?? rules;
  return policy.createHTML(markup);
};
