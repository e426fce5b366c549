import { matches, query } from "../dom";
import type { Host } from "../host";
import { apply } from "../natives";
import type { View } from "../types";

/** The beginning of what selects a control: no other markup is one. */
export const CONTROL = ":is(button,a,input,[role=button])[data-holdfire";
/** What tells of a signal of the browser. */
export const SIGNAL = "[data-holdfire-signal]";
/** CSS pixels, each way: what is smaller is not there to be used. */
const LEAST = 10;

const layerOf = (view: View) => `[data-holdfire-layer="${view === "banner" ? 1 : 2}"]`;

/** Shows or hides the layers of a view. Their own members may be the inputs of a form. */
export const reveal = (view: View, shown: boolean): void => {
  for (const layer of query(document, layerOf(view))) {
    toggle(layer, "hidden", !shown);
    toggle(layer, "data-holdfire-shown", shown);
  }
};

export const toggle = (node: Element, name: string, on: boolean): unknown =>
  apply(Element.prototype.toggleAttribute, node, [name, on]);

/** Whether it is drawn, as far as the browser can tell: Safari before 17.4 only of its size. */
export const isSeen = (node: Element): boolean => {
  const { checkVisibility, getBoundingClientRect } = Element.prototype;
  const { width, height } = apply(getBoundingClientRect, node, []);
  const asked = [{ checkOpacity: true, checkVisibilityCSS: true }] as const;
  return (
    width > LEAST && height > LEAST && (!checkVisibility || apply(checkVisibility, node, asked))
  );
};

/** A sentence on what the site's markup lacks, or "". What is `shown` already has to be seen. */
export const lackOf = ({ boot: { rules }, age }: Host, view: View, shown: boolean): string => {
  const layer = layerOf(view);
  const has = (selector: string) =>
    [...query(document, selector)].some(
      (node) => !matches(node, ":disabled,[inert],[inert] *") && (!shown || isSeen(node)),
    );
  if (rules.ask_age && age() === null) return "The age has to be asked first.";
  if (!has(layer)) return `${layer} is missing.`;
  const first = view === "banner";
  for (const name of [
    first && rules.model === "opt_in" && "reject_all",
    first && rules.close && "close",
  ]) {
    if (name && !has(`${layer} ${CONTROL}="${name}"]`)) {
      return `[data-holdfire="${name}"] is missing in ${layer}, or is not to be seen or used.`;
    }
  }
  return hasWayBack() ? "" : NO_WAY_BACK;
};

export const NO_WAY_BACK = 'The way back is missing: [data-holdfire="preferences"].';

/** Whether there is a way back outside the layers, which go. */
export const hasWayBack = (): boolean =>
  [...query(document, '[data-holdfire="preferences"]')].some(
    (node) => !matches(node, "[data-holdfire-layer] *"),
  );

/** Whether a signal of the browser has force here, of which the visitor is to be told. */
export const hasForce = ({ boot, snapshot }: Host): boolean => {
  const { gpc, dnt } = snapshot().signals;
  return boot.rules.categories.some((rule) => (gpc && rule.gpc) || (dnt && rule.dnt));
};
