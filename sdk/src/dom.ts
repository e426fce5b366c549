/**
 * The document, read through its prototypes.
 *
 * `<img name="cookie">` makes `document.cookie` an element, and `<input name="parentNode">` does
 * the same to its form: markup alone can stand in for any property that is looked up on the
 * object itself (DOM clobbering). A lookup that starts at the prototype cannot be misled.
 */

import { apply, get, set } from "./natives";
import { attempt } from "./shape";

/** A property of the document. */
export const read = <K extends keyof Document>(name: K): Document[K] =>
  get(Document.prototype, name, document);

/** The cookies that the page may see, as `name=value`. A sandboxed frame has none. */
export const cookies = (): string[] => attempt(() => read("cookie").split("; ")) ?? [];

/** Adds or, by its date, removes a cookie. */
export const writeCookie = (cookie: string): boolean =>
  set(Document.prototype, "cookie", cookie, document);

/** A property of any node; forms are the ones that can lie. */
export const readNode = <K extends keyof Node>(node: Node, name: K): Node[K] =>
  get(Node.prototype, name, node);

/** A new element. */
export const element = <K extends keyof HTMLElementTagNameMap>(tag: K): HTMLElementTagNameMap[K] =>
  apply(read("createElement") as (tag: K) => HTMLElementTagNameMap[K], document, [tag]);

/** A copy of a fragment that belongs to the document. */
export const copyOf = (fragment: DocumentFragment): DocumentFragment =>
  apply(read("importNode"), document, [fragment, true]);

/** The elements under `root` that match, in document order. */
export const query = (root: Node, selector: string): NodeListOf<Element> => {
  const owner = root === document ? Document : root instanceof Element ? Element : DocumentFragment;
  return apply(owner.prototype.querySelectorAll, root, [selector]);
};

/** Whether the element matches. */
export const matches = (node: Element, selector: string): boolean =>
  apply(Element.prototype.matches, node, [selector]);

/** Listens on a target whose own members may have been replaced. */
export const listen = (target: EventTarget, type: string, heard: (event: Event) => void): void =>
  apply(EventTarget.prototype.addEventListener, target, [type, heard, true]);
