/** Releasing a template: its content comes to stand right after it, and its scripts in their order. */

import { copyOf, query } from "../dom";
import { addressOf, HELD_TYPE, MARKS, renewed } from "../script";

export interface TemplateModule {
  /** Gives the way to take it back. */
  unfold(held: HTMLTemplateElement): () => void;
}

/** Copies a template's content to right after it. */
export const unfold: TemplateModule["unfold"] = (held) => {
  const copy = copyOf(held.content);
  for (const script of query(copy, "script")) {
    if (script instanceof HTMLScriptElement && script.type !== HELD_TYPE) {
      script.replaceWith(heldBack(script, held));
    }
  }
  const nodes = [...copy.childNodes];
  held.after(copy);
  return () => {
    for (const node of nodes) node.remove();
  };
};

/** A held script in place of one from a template, with the template's marks: so order is kept. */
const heldBack = (script: HTMLScriptElement, template: Element): HTMLScriptElement => {
  const held = renewed(script, ["type", "src"]);
  held.type = HELD_TYPE;
  if (script.type) held.setAttribute("data-type", script.type);
  const address = addressOf(script);
  if (address !== null) held.setAttribute("data-src", address);
  for (const name of MARKS) {
    const mark = template.getAttribute(name);
    if (mark !== null && !held.hasAttribute(name)) held.setAttribute(name, mark);
  }
  return held;
};
