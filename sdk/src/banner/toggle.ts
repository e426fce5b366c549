import { element } from "./element";

/** A switch and the words that name it. */
export interface Toggle {
  readonly input: HTMLInputElement;
  readonly label: HTMLLabelElement;
}

/**
 * A checkbox that is read out as a switch, so that it works with every browser, with forced colours
 * and with a click on its name. It starts off; `sync` of its owner sets what holds.
 */
export function toggle(id: string, name: string, turn: (on: boolean) => void): Toggle {
  const input = element("input", { type: "checkbox", role: "switch", id });
  input.addEventListener("change", () => turn(input.checked));
  return { input, label: element("label", { for: id }, name) };
}

/** Shows a state. A switch that cannot be turned is off: nothing unchangeable looks agreed to. */
export function set(input: HTMLInputElement, on: boolean, usable: boolean): void {
  input.checked = on;
  input.disabled = !usable;
}
