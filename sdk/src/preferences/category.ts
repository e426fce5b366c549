import { signalStands } from "../banner/selection";
import { canUnlock } from "../policy";
import type { CategoryRule } from "../types";
import type { Form } from "./form";
import { serviceList } from "./services";
import { toggle } from "./toggle";

/** Reasons that are plain from the switch itself. All others are told below it. */
const PLAIN = /^(necessary|default|choice_[gd])/;

/** One category: its switch, what it is for, why it stands as it does, and its services. */
export function categoryPart(form: Form, rule: CategoryRule): HTMLElement {
  const { agree, element, say, snapshot } = form;
  const why = element("b");
  agree(() => {
    const { reason = "" } = snapshot().categories[rule.id] ?? {};
    why.textContent = PLAIN.test(reason) ? "" : say(`reason.${reason}`);
  });
  const services = serviceList(form, rule.id, rule.locked);
  return switchPart(form, `category.${rule.id}`, [rule], "", why, services);
}

/**
 * A switch under the text `key`, and what it means, for one category or for several that go with
 * it. Sale, sharing and targeted advertising have one together, and so has the use of sensitive data
 * that may be limited: it is what a US visitor came for, in the first place they look, under the
 * `heading` that the law wants to be read. It and the switches of its categories always agree.
 */
export function switchPart(
  form: Form,
  key: string,
  rules: readonly CategoryRule[],
  heading: string,
  why: Node | string = "",
  more: Node | string = "",
): HTMLElement {
  const { element, say, selection } = form;
  const { categories } = selection;
  const id = key.replace(".", "-");
  const name = say(`${key}.title`);
  const [input, label] = toggle(
    form,
    id,
    name,
    (on) => {
      for (const rule of rules) categories.set(rule.id, on);
    },
    () => [
      rules.some((rule) => categories.get(rule.id)),
      rules.some((rule) => !isFixed(form, rule)),
    ],
  );
  input.setAttribute("aria-describedby", `about-${id}`);
  const row = rules[0]?.locked
    ? [element("h3", {}, name), element("span", {}, say("preferences.always_on"))]
    : [element("h3", {}, heading, label), input];
  return element(
    "section",
    { class: "category" },
    element("div", { class: "row" }, ...row),
    element("div", { id: `about-${id}` }, element("p", {}, say(`${key}.text`)), why),
    more,
  );
}

/** No choice on this page could open it, so that a switch would promise too much. */
function isFixed({ boot, host, snapshot }: Form, rule: CategoryRule): boolean {
  return !canUnlock(boot.rules, rule, host.age()) || signalStands(boot, snapshot(), rule.id);
}
