import { button, element } from "../banner/element";
import { dress, paint } from "../banner/stage";
import type { Look, Words } from "../types";
import css from "./held.css";
import type { Control, Offer } from "./offer";

/** What stands in the place of one held thing, in a box of the same size. */
export interface Place {
  /** Takes the size anew, in steps: all places go each step together, so that one layout does. */
  layOut(): Iterator<void>;
  /** Whether it is on the page, and large enough for a control that can be hit. */
  seen(): boolean;
  draw(offer: Offer, words: Words, act: (control: Control) => void): void;
  /** Gives the place back. Whoever was in it with the keyboard goes on with what was held. */
  leave(): void;
}

/** CSS pixels, each way: inside the edge, a target of 24 has to fit (WCAG 2.2 SC 2.5.8). */
const LEAST = 26;

/** What makes the box of an element and where it stands, besides its display and its transform. */
const BOX =
  "position inset float clear margin box-sizing padding border-width width height min-width min-height max-width max-height aspect-ratio flex order align-self justify-self grid-area vertical-align z-index border-radius".split(
    " ",
  );

export const layOut = (places: readonly Place[]): void => {
  const steps = places.map((place) => place.layOut());
  for (let step = 0; step < 4; step++) for (const one of steps) one.next();
};

/**
 * The held thing keeps its place in the document, since the page's own code and frameworks know it
 * there, but is not displayed; before it stands a box that copies how it was laid out. Of what is
 * not displayed the browser tells the values as computed, so a percentage stays one (CSSOM §9).
 */
export const openPlace = (held: HTMLElement, look: Look): Place => {
  const box = element("holdfire-ui" as "div");
  const root = element("div", { class: "root" });
  const shadow = box.attachShadow({ mode: "open" });
  dress(shadow, css);
  paint(root, look, css);
  shadow.append(root);
  const own = held.style;
  const before = [own.getPropertyValue("display"), own.getPropertyPriority("display")] as const;
  const style = getComputedStyle(held);
  let drawn = "";

  const force = (name: string, value: string) => box.style.setProperty(name, value, "important");

  return {
    *layOut() {
      force("display", "none");
      own.setProperty("display", ...before);
      yield;
      const { display, transform, width, height } = style;
      yield;
      own.setProperty("display", "none", "important");
      if (display === "none") return;
      force("all", "initial");
      force("contain", "strict");
      force("font-family", "inherit");
      force("border", "0 solid #0000");
      force("display", display.startsWith("inline") ? "inline-grid" : "grid");
      force("transform", transform);
      for (const name of BOX) force(name, style.getPropertyValue(name));
      // A ratio decides here as it did there. What a frame is by itself, ours has to be told.
      if (style.width === "auto") force("width", width);
      if (style.height === "auto" && style.aspectRatio === "auto") force("height", height);
      if (box.nextSibling !== held) held.before(box);
      yield;
      const stood = getComputedStyle(box);
      for (const [side, wanted] of [
        ["width", width],
        ["height", height],
      ] as const) {
        // A replaced element may come out otherwise than a box of the same style does.
        if (Math.abs(parseFloat(stood[side]) - parseFloat(wanted)) < 0.5) continue;
        for (const limit of ["", "min-", "max-"]) force(limit + side, wanted);
      }
    },
    seen: () => box.offsetWidth >= LEAST && box.offsetHeight >= LEAST,
    draw({ title, lines, controls }, { language: lang, direction: dir }, act) {
      const now = JSON.stringify([title, lines, controls, lang]);
      if (now === drawn) return;
      drawn = now;
      const group = element(
        "div",
        { role: "group", "aria-labelledby": "title", lang, dir },
        element("p", { id: "title" }, title),
        ...lines.map((line) => element("p", { class: "line" }, line)),
        ...controls.map(([control, name]) =>
          button({ "data-control": control }, () => act(control), name),
        ),
      );
      root.replaceChildren(group);
    },
    leave() {
      const inside = shadow.activeElement;
      box.remove();
      own.setProperty("display", ...before);
      if (!held.getAttribute("style")) held.removeAttribute("style");
      if (inside) enter(held);
    },
  };
};

/** Puts the focus on what was released; on what takes none, for as long as it is there. */
const enter = (released: HTMLElement) => {
  const options = { preventScroll: true };
  released.focus(options);
  if (document.activeElement === released) return;
  released.tabIndex = -1;
  released.focus(options);
  released.addEventListener("blur", () => released.removeAttribute("tabindex"), { once: true });
};
