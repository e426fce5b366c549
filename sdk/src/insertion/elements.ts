/** Addresses on elements: kept aside while they are held, and put back where they were. */

import type { Ground } from "../intercept/ground";
import type { Verdict } from "../intercept/hosts";
import { apply, get } from "../natives";
import { attempt } from "../shape";
import type { Styles } from "./styles";

const ADDRESS = /^(src|srcset|imagesrcset|poster|data|background|ping|href|srcdoc)$/;
/** Attributes that hold several addresses. */
const LIST = /^(srcset|imagesrcset|ping)$/;
/** Where `href` only says where a link leads. */
const LEADS = /^(a|area|base)$/;
const BEARERS =
  "[src],[srcset],[imagesrcset],[poster],[data],[background],[ping],[srcdoc],[*|href]:not(a,area,base),[style]";
/** What stands for a script's type while it is held: its text is not to run in its address's place. */
const HELD_TYPE = "text/holdfire";

/** Captured before anybody could replace them. */
const { getAttribute, setAttribute, setAttributeNS, removeAttribute, removeAttributeNS } =
  Element.prototype;
const { matches } = Element.prototype;
const { addEventListener, dispatchEvent } = EventTarget.prototype;

export interface Elements {
  /** An attribute is being set; `proceed` sets it to what may be set, then or later. */
  set(
    element: Element,
    name: unknown,
    value: unknown,
    proceed: (element: Element, value: unknown) => unknown,
  ): unknown;
  /** Takes aside, under a root that is about to be used, whatever may not be loaded, if anything. */
  guard(root: Node): boolean;
  /** Whether anything under this root is held, or would have to be. */
  suspects(root: Node): boolean;
  /** What comes to stand in the place of a marked element is judged by its marks. */
  standFor(root: Node, marked: Node): void;
  /** Holds for a copy what is held for its original. */
  copy(from: Node, to: Node): void;
}

export const openElements = (
  { hosts, keeping, permits, marked: markers, textOf, under, mapped, first }: Ground,
  styles: Styles,
  inert: Document,
): Elements => {
  /** Every attribute of the elements that may bear an address. A form's members may be its inputs. */
  const bearers = (root: Node): (readonly [Element, Attr])[] => {
    const found: (readonly [Element, Attr])[] = [];
    mapped(under(root, BEARERS), (element) =>
      mapped(get(Element.prototype, "attributes", element), (attribute) => {
        found[found.length] = [element, attribute];
      }),
    );
    return found;
  };
  const standing = new WeakMap<Node, Element>();
  /** The types of held scripts. */
  const types = new WeakMap<Element, string | null>();

  const judge = (element: Element, name: string, text: string): Verdict | null => {
    const tag = element.localName;
    // What the gate holds is inert, and a custom element's attributes are its own business.
    if (tag === "script" && apply(getAttribute, element, ["type"]) === "text/plain") return null;
    if (!ADDRESS.test(name) || /-/.test(tag) || (name === "href" && LEADS.test(tag))) return null;
    if (name === "srcdoc") {
      const page = inert.createElement("div");
      page.innerHTML = text; // in a document that loads and runs nothing: only read
      return first(bearers(page), ([one, { localName, value }]) => judge(one, localName, value));
    }
    const marks = standing.get(element) ?? element;
    const marked = apply(matches, marks, [markers]) ? marks : null;
    return first(LIST.test(name) ? text.split(/[\s,]+/) : [text], (address) => {
      const verdict = hosts.address(address, !!marked);
      // What is marked waits for as long as the gate would hold it.
      if (!verdict || !marked) return verdict;
      const service = apply(getAttribute, marked, ["data-service"]);
      return permits(marked) ? null : { service, refused: false };
    });
  };

  const hold = (
    element: Element,
    name: string,
    text: string,
    proceed: (element: Element) => unknown,
  ): boolean => {
    const tag = element.localName;
    const now = apply(getAttribute, element, ["type"]);
    const type = now === HELD_TYPE ? (types.get(element) ?? null) : now;
    const held = keeping.hold(element, name, {
      cause: tag,
      name: text,
      judge: () => attempt(() => judge(element, name, text)),
      run: (place: Element) => {
        if (tag === "script" && apply(getAttribute, place, ["type"]) === HELD_TYPE) {
          if (type === null) apply(removeAttribute, place, ["type"]);
          else apply(setAttribute, place, ["type", type]);
        }
        proceed(place);
        // A link looks at this only while it looks at what it is.
        if (name === "imagesrcset") {
          const link = place as HTMLLinkElement;
          const { rel } = link;
          link.rel = "";
          link.rel = rel;
        }
        // A source that is there already says nothing by itself.
        if (tag === "source") (place.parentNode as HTMLMediaElement | null)?.load?.();
      },
      drop: (place: Element) => apply(dispatchEvent, place, [new Event("error")]),
    });
    if (held && tag === "script") {
      types.set(element, type);
      apply(setAttribute, element, ["type", HELD_TYPE]);
    }
    // An empty frame is loaded as well, which is not what the page waits for.
    if (held && /frame$/.test(tag)) {
      const quiet = (event: Event) => {
        if (keeping.of(element)?.size) event.stopImmediatePropagation();
      };
      apply(addEventListener, element, ["load", quiet, true]);
    }
    return held;
  };

  return {
    set: (element, name, value, proceed) => {
      const local = textOf(name).toLowerCase().replace(/^.*:/, "");
      if (element.ownerDocument.defaultView) {
        if (local === "style") return proceed(element, styles.attribute(element, value));
        if (hold(element, local, textOf(value), (place) => proceed(place, value))) return;
      }
      return proceed(element, value);
    },
    guard: (root) => {
      let taken = false;
      for (const [element, { localName, name, value, namespaceURI }] of bearers(root)) {
        const putBack = (place: Element) =>
          apply(setAttributeNS, place, [namespaceURI, name, value]);
        if (name === "style") {
          const free = styles.attribute(element, value);
          if (free === value) continue;
          apply(setAttribute, element, [name, free]);
        } else if (hold(element, localName, value, putBack)) {
          apply(removeAttributeNS, element, [namespaceURI, localName]);
        } else continue;
        taken = true;
      }
      for (const style of under(root, "style")) {
        const { textContent } = style;
        const free = styles.text(style, textContent);
        if (free === textContent) continue;
        style.textContent = free;
        taken = true;
      }
      return taken;
    },
    suspects: (root) =>
      !!(
        first(under(root, "*"), (element) => keeping.of(element)?.size) ||
        first(under(root, "style"), ({ textContent }) => styles.judge(textOf(textContent))) ||
        first(bearers(root), ([element, { localName, value }]) =>
          localName === "style" ? styles.judge(value) : judge(element, localName, value),
        )
      ),
    standFor: (root, marked) => {
      if (marked.nodeType !== 1 || !apply(matches, marked as Element, [markers])) return;
      for (const element of under(root, "*")) {
        standing.set(element, marked as Element);
        keeping.settle(element);
      }
    },
    copy: (from, to) => {
      const copies = under(to, "*");
      mapped(under(from, "*"), (element, at) => {
        for (const [name, held] of keeping.of(element) ?? []) {
          if (copies[at]) keeping.hold(copies[at], name, { ...held });
        }
      });
    },
  };
};
