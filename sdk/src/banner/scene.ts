import type { Act, Boot, Snapshot } from "../types";
import type { Selection } from "./selection";
import type { Say } from "./texts";

/** What every part of the interface is given. */
export interface Scene {
  readonly boot: Boot;
  readonly say: Say;
  /** What holds now. */
  snapshot(): Snapshot;
  /** Carries out what the visitor decided: hides everything, says so, tells the core. */
  choose(act: Act): void;
}

/** One thing that can be on the screen. It is built unseen and drawn by `open`. */
export interface Layer {
  readonly node: HTMLElement;
  /** Draws it; called again when the page took its body away and the layer moved to the new one. */
  open(): void;
  /** Makes it agree with what holds now. */
  update(): void;
  close(): void;
}

/** The scene of the preference centre, with the switches' common state. */
export interface Form extends Scene {
  readonly selection: Selection;
  /** Called by every switch the visitor turns, after it changed the selection. */
  turned(): void;
}

/** A part of the form: what is seen, and how it comes to agree with the selection. */
export interface Part {
  readonly node: HTMLElement;
  sync(): void;
}
