import type { Table } from "../types";

/** What the site file says, as the service hands it over. */
export interface Options {
  /** Nothing is held: it is only told what would have been. */
  report: boolean;
  /** Hosts that no service names are held too. */
  hold_unknown: boolean;
  /** Host patterns that run in any case. */
  trusted: readonly string[];
  /** Host patterns by the id of their service. */
  hosts: Table<readonly string[]>;
}
