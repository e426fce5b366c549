import { element as create } from "../dom";

type Attributes = Readonly<Record<string, string>>;
type Child = Node | string;

/**
 * Makes one element. Strings become text nodes and nothing is ever parsed as markup, so a text of
 * the site's configuration cannot become code, and Trusted Types has nothing to object to.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = create(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A button that does `act`; it is handed to `act` so that the focus can come back to it. */
export function button(
  attributes: Attributes,
  act: (pressed: HTMLButtonElement) => void,
  ...children: Child[]
): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", () => act(made));
  return made;
}

/**
 * A link, or its bare text where the address is not one a visitor may be sent to:
 * only http(s) and mailto are (a `javascript:` address would run in the page).
 */
export function link(address: string, text: string): Node {
  const anchor = element("a", { href: address, target: "_blank", rel: "noopener" }, text);
  return /^(https?|mailto):$/.test(anchor.protocol) ? anchor : document.createTextNode(text);
}
