/** Setting addresses: as properties, as attributes and as attribute nodes. */

import type { Ground, Realm } from "../intercept/ground";
import type { Args, Proceed, Wrap } from "../intercept/wrap";
import type { Elements } from "./elements";
import type { Styles } from "./styles";

/** Properties that set an address. */
const PROPERTIES = [
  ...["src", "srcset", "href", "data", "poster", "imageSrcset", "background", "ping", "srcdoc"],
];

export const wrapAttributes = (
  realm: Realm,
  wrap: Wrap,
  { keeping, prototypeOf }: Ground,
  elements: Elements,
  styles: Styles,
): void => {
  const { prototype } = realm.Element;
  /** Whose something is that does not say so itself. */
  const owners = new WeakMap<object, Element>();

  wrap(prototype, "setAttribute", (self, [name, value], proceed) =>
    elements.set(self, name, value, (place, free) => proceed([name, free], place)),
  );
  wrap(prototype, "setAttributeNS", (self, [space, name, value], proceed) =>
    elements.set(self, name, value, (place, free) => proceed([space, name, free], place)),
  );
  wrap(prototype, "removeAttribute", (self, [name], proceed) => {
    keeping.forget(self, name);
    return proceed();
  });
  wrap(prototype, "attributes", (self, _, proceed) => owned(self, proceed()), "get");
  for (const [owner, name] of [
    [prototype, "setAttributeNode"],
    [prototype, "setAttributeNodeNS"],
    [realm.NamedNodeMap.prototype, "setNamedItem"],
    [realm.NamedNodeMap.prototype, "setNamedItemNS"],
  ] as const) {
    wrap(owner, name, (self, args, proceed) => {
      const [node] = args as readonly unknown[] as readonly Attr[];
      const element = owners.get(self) ?? (self as Element);
      if (!node || !element.ownerDocument) return proceed();
      return elements.set(element, node.name, node.value, (_, free) => {
        node.value = free as string;
        return proceed();
      });
    });
  }
  const owned = (owner: Element, part: unknown) => {
    owners.set(part as object, owner);
    return part;
  };

  /** A node's text: that of an attribute, or of a style. */
  const write = (self: Node & Partial<Attr>, [value]: Args, proceed: Proceed) => {
    const { ownerElement, localName } = self;
    if (ownerElement) {
      return elements.set(ownerElement, localName, value, (_, free) => proceed([free]));
    }
    return proceed([localName === "style" ? styles.text(self, value) : value]);
  };
  wrap(realm.Attr.prototype, "value", write, "set");
  for (const name of ["nodeValue", "textContent"]) wrap(realm.Node.prototype, name, write, "set");
  wrap(realm.HTMLElement.prototype, "innerText", write, "set");

  for (const name of Object.getOwnPropertyNames(realm)) {
    if (!/^(HTML|SVG)\w+Element$/.test(name)) continue;
    for (const property of PROPERTIES) {
      wrap(
        prototypeOf(realm, name),
        property,
        (self, [value], proceed) =>
          elements.set(self, property, value, (place, free) => proceed([free], place)),
        "set",
      );
      if (/^S/.test(name)) {
        wrap(
          prototypeOf(realm, name),
          property,
          (self, _, proceed) => owned(self, proceed()),
          "get",
        );
      }
    }
  }
  wrap(
    realm.SVGAnimatedString.prototype,
    "baseVal",
    (self, [value], proceed) => {
      const owner = owners.get(self);
      if (!owner) return proceed();
      return elements.set(owner, "href", value, (_, free) => proceed([free]));
    },
    "set",
  );
};
