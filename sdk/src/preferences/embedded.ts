import type { Layer, Scene } from "../banner/scene";
import { board, NAMED } from "./board";
import { wear } from "./wear";

/**
 * The preference centre in a place of the page: a region with a name, which takes no focus and
 * stays when something was decided. Each has a shadow tree of its own, and so its own ids.
 */
export function embedded(scene: Scene): Layer {
  const node = scene.element("section", { class: "centre", role: "region", ...NAMED });
  let spoken: Scene["words"];
  let agree: () => void;
  const update = () => {
    if (spoken === scene.words) return agree();
    spoken = scene.words;
    agree = board(scene, node);
  };
  update();
  return { node, open: () => wear(scene, node), update, close: () => node.remove() };
}
