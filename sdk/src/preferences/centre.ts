import type { Layer, Scene } from "../banner/scene";
import { board, NAMED } from "./board";
import { goRound } from "./focus";
import { wear } from "./wear";

/**
 * The preference centre: a real modal dialog, so the browser itself makes the page behind it inert,
 * closes it on Escape and draws it above everything. `left` is told when the visitor closed it
 * without deciding, which never counts as a choice.
 */
export function centre(scene: Scene, left: () => void): Layer {
  const { button, element, say, showModal } = scene;
  const kind = { class: "card dialog centre", "aria-modal": "true" };
  const dialog = element("dialog", { ...kind, ...NAMED });
  const close = { class: "close", "data-control": "close", "aria-label": say("button.close") };
  const update = board(
    scene,
    dialog,
    button(close, () => dialog.close()),
  );
  dialog.addEventListener("close", left);
  goRound(dialog);
  return {
    node: dialog,
    open() {
      wear(scene, dialog);
      showModal(dialog);
    },
    update,
    // It does not tell `left`: what is taken away does not fire `close`.
    close: () => dialog.remove(),
  };
}
