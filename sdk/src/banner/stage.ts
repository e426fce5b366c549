import type { Boot } from "../types";
import css from "./banner.css";
import { element } from "./element";

/** A place in the page with a shadow tree of its own: no style of the site comes in or goes out. */
export interface Stage {
  /** Where to put what is to be seen. */
  readonly root: HTMLElement;
  raise(): void;
  strike(): void;
}

/**
 * Makes a stage at the start or at the end of the body. It waits for a body that is not parsed yet,
 * and moves on when the page swaps its body for another (Turbo and its kind do); `moved` then draws
 * again what a move undoes, such as a modal state.
 */
export function stage(boot: Boot, place: "afterbegin" | "beforeend", moved: () => void): Stage {
  // A hyphenated name: frameworks that hydrate the body pass over elements they do not know.
  const host = element("holdfire-ui" as "div");
  const root = element("div", { class: "root", lang: boot.language, dir: boot.direction });
  const shadow = host.attachShadow({ mode: "open" });
  dress(shadow);
  shadow.append(root);
  let raised = false;
  const settle = () => {
    if (!raised || !document.body || host.parentNode === document.body) return;
    document.body.insertAdjacentElement(place, host);
    moved();
  };
  new MutationObserver(settle).observe(document.documentElement, { childList: true });
  return {
    root,
    raise() {
      raised = true;
      settle();
    },
    strike() {
      raised = false;
      host.remove();
    },
  };
}

/** Parsed once, worn by every stage. */
let sheet: CSSStyleSheet | undefined;

/**
 * Constructed style sheets are not inline styles, so they pass `style-src 'self'`. Browsers without
 * them (Safari before 16.4) get an element that carries the page's own nonce.
 */
function dress(shadow: ShadowRoot): void {
  try {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
    }
    shadow.adoptedStyleSheets = [sheet];
  } catch {
    const nonce = document.querySelector<HTMLElement>("[nonce]")?.nonce ?? "";
    shadow.append(element("style", { nonce }, css));
  }
}
