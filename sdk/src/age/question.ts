import { keepClear } from "../banner/clearance";
import type { Layer, Scene } from "../banner/scene";
import { speaker } from "../banner/texts";
import type { Words } from "../types";
import { bandButtons } from "./bands";

/**
 * The question for the visitor's age, in the place and manner of the first layer, which it comes
 * before. Until it is answered everything is denied that a rule for minors touches; to close it, or
 * to pass it over, is no answer.
 */
export function ageQuestion(scene: Scene, more: Words, go: () => void): Layer {
  const { boot, element, frame, host } = scene;
  const { layout = "box" } = boot.look;
  const say = speaker(() => more);
  const card = frame(scene, `card ${layout}`, [
    element("h2", { id: "question", tabindex: "-1" }, say("age.title")),
    element("p", {}, say("age.text")),
    bandButtons(scene, more, () => answered()),
  ]);
  let answered = () => {
    answered = () => {};
    go();
  };
  let release = () => {};
  return {
    node: card,
    open() {
      release();
      if (card instanceof HTMLDialogElement) {
        // A dialog that was moved with its body still says `open`, but is not modal any more.
        card.removeAttribute("open");
        card.showModal();
        card.querySelector("h2")?.focus();
      } else {
        if ("showPopover" in card) card.showPopover();
        if (layout !== "dialog") release = keepClear(scene.host, card);
      }
    },
    update() {
      // Or in the preference centre, in another tab.
      if (host.age() !== null) answered();
    },
    close() {
      release();
      card.remove();
    },
  };
}
