import type { Form } from "./form";

/** A switch, and the words that name it. */
export type Toggle = readonly [input: HTMLInputElement, label: HTMLLabelElement];

/**
 * A checkbox that is read out as a switch, so that it works with every browser, with forced colours
 * and with a click on its name. `state` says whether it is on, and whether it can be turned. One
 * that cannot is off: nothing unchangeable looks agreed to.
 */
export function toggle(
  { agree, element, turned }: Form,
  id: string,
  name: string,
  turn: (on: boolean) => void,
  state: () => readonly [on: boolean | undefined, usable: boolean],
): Toggle {
  const input = element("input", { type: "checkbox", role: "switch", id });
  input.addEventListener("change", () => {
    turn(input.checked);
    turned();
  });
  agree(() => {
    const [on, usable] = state();
    input.checked = on === true;
    input.disabled = !usable;
  });
  return [input, element("label", { for: id }, name)];
}
