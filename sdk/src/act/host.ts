import type { Host } from "../host";
import type { Act } from "../types";

export interface Acts {
  /** Carries out an act: it holds at once, and its record follows as the network lets it. */
  choose(act: Act): void;
  /** Makes an act of the mark that everything was refused, if it still stands. */
  refuse(): void;
  accept(): void;
}

export interface ActModule {
  open(host: Host): Acts;
}
