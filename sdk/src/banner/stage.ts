import { read } from "../dom";
import type { Host } from "../host";
import css from "./banner.css";
import { element } from "./element";

/** A place in the page with a shadow tree of its own: no style of the site comes in or goes out. */
export interface Stage {
  /** Where to put what is to be seen. */
  readonly root: HTMLElement;
  raise(): void;
  strike(): void;
}

/** How often it comes back: a page that takes it away each time must win in the end. */
const RETURNS = 500;

export type Place = "afterbegin" | "beforeend" | Element;

/**
 * Makes a stage at the start or at the end of the body, or in a place of the page. It waits for a
 * body that is not parsed yet, and moves on when the page swaps its body for another (Turbo and its
 * kind do); `moved` then draws again what a move undoes, such as a modal state.
 */
export function stage({ boot: { look } }: Host, place: Place, moved: () => void): Stage {
  // A hyphenated name: frameworks that hydrate the body pass over elements they do not know.
  const box = element("holdfire-ui" as "div");
  const root = element("div", { class: "root" });
  const shadow = box.attachShadow({ mode: "open" });
  dress(shadow, css);
  paint(root, look, css);
  shadow.append(root);
  let raised = false;
  let left = RETURNS;
  let blurred: HTMLElement | null;
  const settle = () => {
    const inside = place instanceof Element;
    const home = inside ? place : read("body");
    if (!raised || !home || box.parentNode === home || left-- < 1) return;
    const back = blurred;
    // `document.open()` takes all listeners away: better no control than one that does nothing.
    blurred = null;
    root.dispatchEvent(new Event("focusout"));
    if (!blurred) return;
    home.insertAdjacentElement(inside ? "beforeend" : place, box);
    moved();
    back?.focus();
  };
  new MutationObserver(settle).observe(document, { childList: true, subtree: true });
  // What is taken away is blurred first, and comes back before this task is over.
  root.addEventListener("focusout", ({ target }) => {
    blurred = target as HTMLElement;
    setTimeout(() => {
      blurred = null;
    });
  });
  return {
    root,
    raise() {
      raised = true;
      settle();
    },
    strike() {
      raised = false;
      box.remove();
    },
  };
}

/**
 * The site's own colours. The page may still say others for its tokens. What is named for the dark
 * theme alone is for the light one as the sheet has it, which says that of each token first.
 */
export function paint(
  root: HTMLElement,
  { light = {}, dark = {} }: Host["boot"]["look"],
  sheet: string,
): void {
  const page = getComputedStyle(document.documentElement);
  for (const token of Object.keys({ ...light, ...dark })) {
    const name = `--hf-${token.replace("_", "-")}`;
    const colour = light[token] ?? sheet.split(`${name}, `)[1]?.split(")", 1)[0];
    const both = `light-dark(${colour},${dark[token] ?? colour})`;
    if (colour && !page.getPropertyValue(name)) {
      root.style.setProperty(name, CSS.supports("color", both) ? both : colour);
    }
  }
}

/** Read once, worn by every stage. */
const sheets = new Map<string, CSSStyleSheet>();

/**
 * Constructed style sheets are not inline styles, so they pass `style-src 'self'`. Browsers without
 * them (Safari before 16.4) get an element that carries the page's own nonce.
 */
export function dress(shadow: ShadowRoot, text: string): void {
  try {
    let sheet = sheets.get(text);
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(text);
      sheets.set(text, sheet);
    }
    shadow.adoptedStyleSheets.push(sheet);
  } catch {
    const nonce = document.querySelector<HTMLElement>("[nonce]")?.nonce ?? "";
    shadow.append(element("style", { nonce }, text));
  }
}
