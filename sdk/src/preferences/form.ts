import type { Scene } from "../banner/scene";
import type { Selection } from "../banner/selection";

/** The scene of the preference centre, with the switches' common state. */
export interface Form extends Scene {
  readonly selection: Selection;
  /** Called by every switch the visitor turns, after it changed the selection. */
  turned(): void;
  /** Has something agree with the selection and with what holds: now, and after every change. */
  agree(sync: () => void): void;
}
