import type { Host } from "../host";
import type { View } from "../types";
import type { Layer } from "./scene";
import { dress, stage } from "./stage";

/** What is on the screen now: the first layer, the preference centre over it, or nothing. */
export interface Screen {
  shows(view?: View): boolean;
  /** Makes a layer and draws it; `opener` gets the focus when it goes. */
  put(view: View, make: () => Layer, opener: Element | null): void;
  take(view: View): void;
  /** Makes every layer agree with what holds now. */
  update(): void;
  /** Makes every layer anew, in the words that are spoken now. */
  redraw(): void;
  /** Gives it one more style sheet. */
  dress(css: string): void;
}

/** Milliseconds after which a layer has to be seen, or else is taken away. */
const PATIENCE = 4_000;

/**
 * The layers live at the start of the body: whoever uses the keyboard or a screen reader meets the
 * question first, and so needs no focus taken from what they were doing. The stage is struck when
 * nothing is shown, and the page is as it was. `changed` is told after each coming and going.
 */
export function screen(host: Host, changed: () => void): Screen {
  const shown = new Map<View, { layer: Layer; make: () => Layer; opener: Element | null }>();
  const { root, raise, strike } = stage(host, "afterbegin", () => {
    for (const { layer } of shown.values()) layer.open();
  });

  const put: Screen["put"] = (view, make, opener) => {
    const layer = make();
    root.append(layer.node);
    raise();
    shown.set(view, { layer, make, opener });
    layer.open();
    const stands = () => shown.get(view)?.layer === layer;
    // Escape closes a dialog without a word to anybody else.
    layer.node.onclose = () => {
      if (stands()) take(view);
    };
    // A filter list, or a style of the page, may hide what was drawn. A layer that nobody sees must
    // not stand before the page, nor wait for an answer; what is held stays held.
    setTimeout(() => {
      const { width, height } = layer.node.getBoundingClientRect();
      if (document.hidden || width * height || !stands()) return;
      take(view);
      host.fail(new Error(`${view}: drawn, but not to be seen`));
    }, PATIENCE);
    changed();
  };

  const take: Screen["take"] = (view) => {
    const gone = shown.get(view);
    if (!gone) return;
    shown.delete(view);
    gone.layer.close();
    if (!shown.size) strike();
    changed();
    // One that has left the page meanwhile takes no focus.
    (gone.opener as HTMLElement | null)?.focus();
  };

  return {
    dress: (css) => dress(root.getRootNode() as ShadowRoot, css),
    shows: (view) => (view ? shown.has(view) : shown.size > 0),
    put,
    take,
    update() {
      for (const { layer } of shown.values()) layer.update();
    },
    redraw() {
      for (const [view, { layer, make, opener }] of [...shown]) {
        layer.close();
        put(view, make, opener);
      }
    },
  };
}
