import type { Scene } from "../banner/scene";
import { attempts } from "./attempt";
import { wear } from "./wear";

/**
 * The site's languages, each by its own name. After a choice everything is drawn anew in the other
 * language; the focus then goes to what chooses the language there.
 */
export function languageList(scene: Scene, pressed?: HTMLElement): HTMLElement {
  const { words, say, element } = scene;
  const options = Object.entries(words.languages).map(([lang, name]) =>
    element("option", { value: lang, lang }, name),
  );
  const select = element(
    "select",
    { class: "button quiet", "data-control": "language" },
    ...options,
  );
  select.value = words.language;
  const [status, attempt] = attempts(scene);
  select.addEventListener("change", () => {
    const tree = select.getRootNode() as ShadowRoot;
    attempt(async () => {
      const tag = select.value;
      select.value = words.language;
      await scene.speak(tag);
      // The layer in front was drawn last.
      [...tree.querySelectorAll<HTMLElement>("[data-control=language]")].at(-1)?.focus();
    });
  });
  const label = element("label", { class: "row" }, say("language.choose"), select);
  const list = element("div", {}, label, status);
  if (pressed) wear(scene, list, () => select.focus());
  return list;
}
