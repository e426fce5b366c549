import type { Scene } from "../banner/scene";
import { speaker } from "../banner/texts";
import type { Words } from "../types";
import { bandButtons, bandName, limits } from "./bands";

/** What was answered, on a button that asks again; or the question, where nothing was. */
export function age(scene: Scene, more: Words): HTMLElement {
  const { boot, button, element, host } = scene;
  const title = element("p", { id: "age" }, speaker(() => more)("age.title"));
  const place = element("div", { role: "group", "aria-labelledby": "age" }, title);
  const ask = () => {
    const buttons = bandButtons(scene, more, () => {
      tell();
      place.querySelector("button")?.focus();
    });
    place.replaceChildren(title, buttons);
  };
  const tell = () => {
    const years = host.age();
    if (years === null) return ask();
    const all = limits(boot.rules);
    const name = bandName(more, all, all.filter((limit) => limit <= years).length - 1);
    const again = () => {
      ask();
      place.querySelector("button")?.focus();
    };
    const attributes = { class: "button quiet", "data-control": "age" };
    const row = element("div", { class: "row" }, title, button(attributes, again, name));
    place.replaceChildren(row);
  };
  tell();
  return place;
}
