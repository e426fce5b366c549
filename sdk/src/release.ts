/** Releasing what can be taken back: templates, and elements that load something. */

import { copyOf, element, query } from "./dom";
import { HELD_TYPE, heldBack, webAddress } from "./script";

/** Copies a template's content to right after it. */
export const unfold = (held: HTMLTemplateElement) => {
  const copy = copyOf(held.content);
  for (const script of query(copy, "script")) {
    if (script instanceof HTMLScriptElement && script.type !== HELD_TYPE) {
      script.replaceWith(heldBack(script, held));
    }
  }
  const nodes = [...copy.childNodes];
  held.after(copy);
  return {
    nodes,
    takeBack: () => {
      for (const node of nodes) node.remove();
    },
  };
};

/** Gives an element its addresses, and back the way to take them away; nothing if it has none. */
export const lendAddresses = (held: Element): (() => void) | undefined => {
  const names = ["src", "srcset", "href"].filter(
    (name) =>
      held.hasAttribute(`data-${name}`) && (name === "href") === held instanceof HTMLLinkElement,
  );
  if (!names[0]) return;
  const before = names.map((name) => held.getAttribute(name));
  const lent = names.map((name) => {
    const value = held.getAttribute(`data-${name}`) as string;
    return name === "srcset" ? value : webAddress(value);
  });
  const put = (values: readonly (string | null)[]) =>
    outside(held, () => {
      names.forEach((name, at) => {
        const value = values[at];
        if (typeof value === "string") held.setAttribute(name, value);
        else held.removeAttribute(name);
      });
    });
  put(lent);
  return () => put(before);
};

/**
 * Acts on an element; on a frame while it is out of the document. Only leaving it unloads a frame,
 * and leaves no entry in the history. And to a frame that the parser has just inserted Chromium
 * gives, on reload, the address that the history remembers for it, whatever it is told meanwhile.
 */
const outside = (held: Element, act: () => void) => {
  if (!(held instanceof HTMLIFrameElement)) return act();
  const place = element("i");
  held.replaceWith(place);
  act();
  place.replaceWith(held);
};
