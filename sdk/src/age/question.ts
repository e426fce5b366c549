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
  const framed = frame(scene, `card ${layout}`, [
    element("h2", { id: "question", tabindex: "-1" }, say("age.title")),
    element("p", {}, say("age.text")),
    bandButtons(scene, more, () => answered()),
  ]);
  let answered = () => {
    answered = () => {};
    go();
  };
  const update = () => {
    // Or in the preference centre, in another tab.
    if (host.age() !== null) answered();
  };
  return { ...framed, update };
}
