import type { CookieUse, Service } from "../types";
import { element, link } from "./element";
import type { Form, Part } from "./scene";
import { set, toggle } from "./toggle";

/**
 * The services of one category, folded away. They are built when first unfolded: a site may list
 * hundreds of cookies that nearly nobody opens.
 */
export function serviceList(form: Form, category: string, locked: boolean): Part | null {
  const { boot, say } = form;
  const services = boot.services.filter((service) => service.category === category);
  if (!services.length) return null;
  const entries: Part[] = [];
  const summary = element(
    "summary",
    {},
    say("preferences.services", { count: String(services.length) }),
    // Read out alone, "Services: 3" would not say whose.
    element("span", { class: "aside" }, ` (${say(`category.${category}.title`)})`),
  );
  const list = element("ul");
  const node = element("details", {}, summary, list);
  const sync = () => {
    for (const entry of entries) entry.sync();
  };
  node.addEventListener("toggle", () => {
    if (entries.length) return;
    entries.push(...services.map((service) => serviceEntry(form, service, locked)));
    list.append(...entries.map((entry) => entry.node));
    sync();
  });
  return { node, sync };
}

function serviceEntry(
  { boot, say, selection, turned }: Form,
  service: Service,
  locked: boolean,
): Part {
  const { id, name, category, provider, policy } = service;
  const { categories, narrowed } = selection;
  const { input, label } = toggle(`service-${id}`, name, (on) => {
    if (on) narrowed.delete(id);
    else narrowed.add(id);
    turned();
  });
  const about = `service.${id}.text`;
  const node = element(
    "li",
    {},
    element("div", { class: "row" }, ...(locked ? [element("b", {}, name)] : [label, input])),
    ...(about in boot.texts ? [element("p", {}, say(about))] : []),
    ...(provider ? [element("p", {}, say("service.provider", { provider }))] : []),
    ...uses(say("service.cookies"), service.cookies, say("service.lifetime")),
    ...uses(say("service.storage"), service.storage, say("service.lifetime")),
    ...(policy ? [element("p", {}, link(policy, say("service.policy", { name })))] : []),
  );
  return {
    node,
    sync() {
      const open = categories.get(category) === true;
      set(input, open && !narrowed.has(id), open);
    },
  };
}

/** Name, purpose and lifetime of each cookie or storage key, as the provider states them. */
function uses(heading: string, entries: readonly CookieUse[], lifetimeWord: string): HTMLElement[] {
  if (!entries.length) return [];
  const list = element("dl");
  for (const { name, purpose, lifetime } of entries) {
    list.append(element("dt", {}, element("bdi", {}, name)));
    if (purpose) list.append(element("dd", {}, element("bdi", {}, purpose)));
    if (lifetime) list.append(element("dd", {}, `${lifetimeWord}: `, element("bdi", {}, lifetime)));
  }
  return [element("p", { class: "heading" }, heading), list];
}
