import type { CategoryRule, Reason } from "../types";
import { element } from "./element";
import type { Form, Part } from "./scene";
import { signalStands } from "./selection";
import { serviceList } from "./services";
import { set, toggle } from "./toggle";

/** Reasons that are not plain from the switch itself, and are therefore told below it. */
const TOLD: readonly (Reason | undefined)[] = [
  "gpc",
  "dnt",
  "minor",
  "exempt_granted",
  "sensitive_page",
  "choice_expired",
  "notice_changed",
];

/** One category: its switch, what it is for, why it stands as it does, and its services. */
export function categoryPart(form: Form, rule: CategoryRule): Part {
  const { boot, say, selection, snapshot, turned } = form;
  const { id, locked } = rule;
  const title = say(`category.${id}.title`);
  const { input, label } = toggle(`category-${id}`, title, (on) => {
    selection.categories.set(id, on);
    turned();
  });
  input.setAttribute("aria-describedby", `about-${id}`);
  const always = element("span", { class: "always" }, say("preferences.always_on"));
  const why = element("p", { class: "why" });
  const services = serviceList(form, id, locked);
  const node = element(
    "section",
    { class: "category" },
    row(locked ? title : label, locked ? always : input),
    element("div", { id: `about-${id}` }, element("p", {}, say(`category.${id}.text`)), why),
    ...(services ? [services.node] : []),
  );
  return {
    node,
    sync() {
      const now = snapshot();
      const reason = now.categories[id]?.reason;
      const fixed = rule.consent_cannot_unlock || signalStands(boot, now, id);
      set(input, selection.categories.get(id) === true, !fixed);
      why.textContent = TOLD.includes(reason) ? say(`reason.${reason}`) : "";
      services?.sync();
    },
  };
}

/**
 * One switch for all that counts as sale, sharing or targeted advertising: what a US visitor came
 * for, in the first place they look. It and the switches of its categories always agree.
 */
export function salePart(form: Form, rules: readonly CategoryRule[]): Part {
  const { boot, say, selection, snapshot, turned } = form;
  const { input, label } = toggle("sale", say("sale.title"), (on) => {
    for (const { id } of rules) selection.categories.set(id, on);
    turned();
  });
  input.setAttribute("aria-describedby", "about-sale");
  const about = element("p", { id: "about-sale" }, say("sale.text"));
  return {
    node: element("section", { class: "category" }, row(label, input), about),
    sync() {
      const usable = rules.some(({ id }) => !signalStands(boot, snapshot(), id));
      const on = rules.some(({ id }) => selection.categories.get(id) === true);
      set(input, on, usable);
    },
  };
}

function row(name: Node | string, control: HTMLElement): HTMLElement {
  return element("div", { class: "row" }, element("h3", {}, name), control);
}
