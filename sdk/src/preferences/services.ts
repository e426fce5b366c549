import type { Disclosed } from "../types";
import type { Form } from "./form";
import { listed } from "./listed";
import { toggle } from "./toggle";
import { useTable } from "./uses";

/**
 * The services of one category, folded away. They are built when first unfolded: a site may list
 * hundreds of cookies that nearly nobody opens.
 */
export function serviceList(form: Form, category: string, locked: boolean): Node | string {
  const { element, say, words } = form;
  const services = words.services.filter((service) => service.category === category);
  const list = element("ul");
  const summary = element(
    "summary",
    {},
    counted(form, services.length),
    // Read out alone, "3 services" would not say whose.
    element("span", { class: "aside" }, ` (${say(`category.${category}.title`)})`),
  );
  const node = element("details", {}, summary, list);
  const build = () => list.append(...services.map((service) => entry(form, service, locked)));
  node.addEventListener("toggle", build, { once: true });
  return services[0] ? node : "";
}

/** "3 services", with the form the language has for this number (Unicode CLDR plural rules). */
function counted({ say, words: { language } }: Form, number: number): string {
  const count = new Intl.NumberFormat(language).format(number);
  const key = "preferences.services.";
  const form = new Intl.PluralRules(language).select(number);
  return say(key + form, { count }) || say(`${key}other`, { count });
}

function entry(form: Form, service: Disclosed, locked: boolean): HTMLElement {
  const { element, link, say, selection } = form;
  const { id, name, category, policy } = service;
  const { categories, narrowed } = selection;
  const [input, label] = toggle(
    form,
    `service-${id}`,
    name,
    (on) => (on ? narrowed.delete(id) : narrowed.add(id)),
    () => {
      const open = categories.get(category) === true;
      return [open && !narrowed.has(id), open];
    },
  );
  return element(
    "li",
    {},
    element("div", { class: "row" }, ...(locked ? [element("b", {}, name)] : [label, input])),
    ...told(form, service, locked).map((line) => element("p", {}, line)),
    ...useTable(form, "service.cookies", service.cookies),
    ...useTable(form, "service.storage", service.storage),
    policy ? element("p", {}, link(policy, say("service.policy", { name }))) : "",
  );
}

/** What it is for, and who gets the data on what grounds: GDPR Art 13(1)(c), (e). */
function told({ say, words }: Form, service: Disclosed, locked: boolean): string[] {
  const { text, provider, recipients, legal_basis } = service;
  const basis = say(`basis.${legal_basis}`);
  return [
    text,
    provider && say("service.provider", { provider }),
    recipients[0] ? say("service.recipients", { recipients: listed(words, recipients) }) : "",
    // What nobody can refuse rests on nobody's permission: there the site has not said a basis.
    locked && legal_basis === "consent" ? "" : say("service.basis", { basis }),
  ].filter(Boolean);
}
