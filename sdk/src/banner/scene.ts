import type { Host } from "../host";
import type { Act, Boot, Snapshot, Words } from "../types";
import type { Hands } from "./hands";
import type { Place, Stage } from "./stage";
import type { Say } from "./texts";

/** What every part of the interface is given. */
export interface Scene extends Hands {
  readonly host: Host;
  readonly boot: Boot;
  /** In the language that is spoken now. Those of the boot script say no more than the first layer. */
  readonly words: Words;
  readonly say: Say;
  /** What holds now. */
  snapshot(): Snapshot;
  /** Carries out what the visitor decided: hides everything, says so, tells the core. */
  choose(act: Act): void;
  /** Speaks another language from now on, and draws anew all that is shown. */
  speak(language: string): Promise<void>;
  /** A place in the page for what is to be seen. */
  stage(place: Place, moved: () => void): Stage;
  /** All that can be said in the language that is spoken now. */
  whole(): Promise<void>;
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

/** The permanent way back to the settings. */
export interface Corner {
  /** Shows or hides it; `busy` while a layer is on the screen. */
  update(snapshot: Snapshot, busy: boolean): void;
}

/** What the chunk of the way back gives. */
export interface CornerModule {
  wayBack(scene: () => Scene, open: (opener: HTMLElement) => void): Corner;
}

/** What the chunk of the layouts other than the box gives. */
export interface LayoutModule {
  readonly css: string;
}

/** What the chunk of the age question gives. */
export interface AgeModule {
  /** The question for the visitor's age, which comes before any other; then `go` on. */
  ageQuestion(scene: Scene, more: Words, go: () => void): Layer;
  /** What was answered, and the way to correct it. */
  age(scene: Scene, more: Words): HTMLElement;
}

/** What the chunk of the visitor's own history gives. */
export interface HistoryModule {
  /** What is recorded of this visitor, and the receipt for it. */
  history(scene: Scene, more: Words): HTMLElement;
}

/** What the chunk of the preference centre gives. */
export interface PreferencesModule {
  /** The preference centre over the page; `left` is told when it is closed without deciding. */
  centre(scene: Scene, left: () => void): Layer;
  /** The preference centre in a place of the page. */
  embedded(scene: Scene): Layer;
  /** What the visitor has to be told about the signals of their browser. */
  signalNotes(scene: Scene): HTMLElement[];
  /** A list of the site's languages in the place of the button that was pressed. */
  languageList(scene: Scene, pressed: HTMLElement): HTMLElement;
}
