import type { Boot, View } from "../types";
import type { Layer } from "./scene";
import { stage } from "./stage";

/** What is on the screen now: the first layer, the preference centre over it, or nothing. */
export interface Screen {
  shows(view?: View): boolean;
  /** Draws a layer; `opener` gets the focus when it goes. */
  put(view: View, layer: Layer, opener: Element | null): void;
  take(view: View): void;
  /** Makes every layer agree with what holds now. */
  update(): void;
}

/**
 * The layers live at the start of the body: whoever uses the keyboard or a screen reader meets the
 * question first, and so needs no focus taken from what they were doing. The stage is struck when
 * nothing is shown, and the page is as it was. `changed` is told after each coming and going.
 */
export function screen(boot: Boot, changed: () => void): Screen {
  const shown = new Map<View, { layer: Layer; opener: Element | null }>();
  const { root, raise, strike } = stage(boot, "afterbegin", () => {
    for (const { layer } of shown.values()) layer.open();
  });
  return {
    shows: (view) => (view ? shown.has(view) : shown.size > 0),
    put(view, layer, opener) {
      root.append(layer.node);
      raise();
      shown.set(view, { layer, opener });
      layer.open();
      changed();
    },
    take(view) {
      const gone = shown.get(view);
      if (!gone) return;
      shown.delete(view);
      gone.layer.close();
      if (!shown.size) strike();
      changed();
      if (gone.opener instanceof HTMLElement && gone.opener.isConnected) gone.opener.focus();
    },
    update() {
      for (const { layer } of shown.values()) layer.update();
    },
  };
}
