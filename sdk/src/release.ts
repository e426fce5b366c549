/** Releasing what can be taken back: elements that load something. */

import { element, matches } from "./dom";
import { webAddress } from "./script";

/** Gives an element its addresses, and back the way to take them away; nothing if it has none. */
export const lendAddresses = (held: Element): (() => void) | undefined => {
  const known = matches(held, "link")
    ? ["href"]
    : matches(held, "object")
      ? ["data"]
      : ["src", "srcset"];
  const names = known.filter((name) => held.hasAttribute(`data-${name}`));
  if (!names[0]) return;
  const before = names.map((name) => held.getAttribute(name));
  const lent = names.map((name) => {
    const value = held.getAttribute(`data-${name}`) as string;
    return name === "srcset" ? value : webAddress(value);
  });
  // Another copy of this script has lent them: to set them again would load it again.
  if (lent.join() === before.join()) return;
  const put = (values: readonly (string | null)[]) =>
    outside(held, () => {
      names.forEach((name, at) => {
        const value = values[at];
        if (typeof value === "string") held.setAttribute(name, value);
        else held.removeAttribute(name);
      });
    });
  put(lent);
  return () => {
    put(before);
    // Who plays goes on playing what has lost its address.
    if (matches(held, "video,audio")) (held as HTMLMediaElement).load();
  };
};

/**
 * Acts on an element; on what frames another page while it is out of the document. Only leaving
 * that unloads a frame, and leaves no entry in the history. And to a frame that the parser has just
 * inserted Chromium gives, on reload, the address that the history remembers for it, whatever it is
 * told meanwhile.
 */
const outside = (held: Element, act: () => void) => {
  if (!matches(held, "iframe,embed,object")) return act();
  const place = element("i");
  held.replaceWith(place);
  act();
  place.replaceWith(held);
};
