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
  for (const name of names) {
    const value = held.getAttribute(`data-${name}`) as string;
    held.setAttribute(name, name === "srcset" ? value : webAddress(value));
  }
  return () => {
    names.forEach((name, at) => {
      const value = before[at];
      if (typeof value === "string") held.setAttribute(name, value);
      else held.removeAttribute(name);
    });
    // Only leaving the document unloads a frame, and it leaves no entry in the history.
    const place = element("i");
    held.replaceWith(place);
    place.replaceWith(held);
  };
};
