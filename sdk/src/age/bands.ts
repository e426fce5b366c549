import type { Scene } from "../banner/scene";
import { speaker } from "../banner/texts";
import { keyOf, YEARS } from "../storage";
import type { Rules, Words } from "../types";

/** The ages, in whole years, from which the law here treats a visitor differently; the first is 0. */
export function limits({ categories, sale_or_share }: Rules): number[] {
  const found = new Set([0]);
  for (const { minors } of [...categories, sale_or_share]) {
    for (const [from, to] of minors) found.add(from).add(to + 1);
  }
  return [...found].sort((a, b) => a - b);
}

/** "Under 13", "13 to 15", "18 or older": the band that begins with this limit. */
export function bandName(more: Words, all: readonly number[], index: number): string {
  const written = (years: number) => new Intl.NumberFormat(more.language).format(years);
  const [from = 0, next] = all.slice(index);
  const say = speaker(() => more);
  if (!next) return say("age.over", { age: written(from) });
  if (!from) return say("age.under", { age: written(next) });
  return say("age.between", { from: written(from), to: written(next - 1) });
}

/**
 * A button for each band, all of one kind. What is kept is the youngest age of the band: an answer
 * must never make anybody older than they are.
 */
export function bandButtons(scene: Scene, more: Words, go: () => void): HTMLElement {
  const { boot, button, element, host } = scene;
  const all = limits(boot.rules);
  const buttons = all.map((years, index) => {
    const answer = () => {
      host.local.set(keyOf(boot.site) + YEARS, String(years));
      host.settle("choice");
      go();
    };
    const attributes = { class: "button", "data-control": "age" };
    return button(attributes, answer, bandName(more, all, index));
  });
  return element("div", { class: "actions" }, ...buttons);
}
