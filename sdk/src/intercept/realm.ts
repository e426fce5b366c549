/** What is found in a window or under a node, whatever its page has put in the way. */

import { apply } from "../natives";
import { attempt } from "../shape";
import type { Ground } from "./ground";

const { matches, querySelectorAll } = Element.prototype;
const queryDocument = Document.prototype.querySelectorAll;
const queryFragment = DocumentFragment.prototype.querySelectorAll;

export const prototypeOf: Ground["prototypeOf"] = (realm, name) =>
  (realm as never as Record<string, { prototype: object } | undefined>)[name]?.prototype;

export const textOf: Ground["textOf"] = (value) => attempt(() => `${value}`) ?? "";

export const under: Ground["under"] = (root, selector) => {
  const { nodeType } = root;
  const search = nodeType === 1 ? querySelectorAll : nodeType === 9 ? queryDocument : queryFragment;
  // Texts have nothing under them.
  const found = attempt(() => [...apply(search, root, [selector])]) ?? [];
  if (nodeType === 1 && apply(matches, root, [selector])) found.unshift(root as Element);
  return found;
};
