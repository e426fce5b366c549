/** What is found in a window or under a node, whatever its page has put in the way. */

import { apply } from "../natives";
import { attempt } from "../shape";
import type { Ground } from "./ground";
import { mapped } from "./lists";

const { matches, querySelectorAll } = Element.prototype;
const queryDocument = Document.prototype.querySelectorAll;
const queryFragment = DocumentFragment.prototype.querySelectorAll;

export const prototypeOf: Ground["prototypeOf"] = (realm, name) =>
  (realm as never as Record<string, { prototype: object } | undefined>)[name]?.prototype;

export const textOf: Ground["textOf"] = (value) => attempt(() => `${value}`) ?? "";

export const under: Ground["under"] = (root, selector) => {
  const { nodeType } = root;
  const search = nodeType === 1 ? querySelectorAll : nodeType === 9 ? queryDocument : queryFragment;
  const found = nodeType === 1 && apply(matches, root, [selector]) ? [root as Element] : [];
  // Texts have nothing under them.
  mapped(attempt(() => apply(search, root, [selector]) as NodeListOf<Element>) ?? [], (one) => {
    found[found.length] = one;
  });
  return found;
};
