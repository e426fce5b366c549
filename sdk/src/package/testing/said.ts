/** What `choose` was told, as an act says it. */

import type { Choosing, Decision, Table } from "../../types";

export interface Said {
  /** Every unlocked category. */
  categories: Table<boolean>;
  /** Services that are decided apart from their category. */
  services: Table<boolean>;
}

/** What holds before the act. */
interface Before {
  decision(id: string): Decision;
  /** The services that are refused apart from their category. */
  refused(): readonly string[];
}

/** What is not named stays as it is. An id that nobody knows is left out. */
export const saidBy = (
  choosing: Choosing,
  unlocked: readonly string[],
  services: Table<string>,
  before: Before,
): Said => {
  const given = choosing as Table<unknown>;
  const named: Table<boolean> =
    typeof given.categories === "object" || typeof given.services === "object"
      ? { ...(given.categories as Table<boolean>), ...(given.services as Table<boolean>) }
      : (given as Table<boolean>);
  const said: Said = { categories: {}, services: {} };
  for (const id of unlocked) said.categories[id] = named[id] ?? before.decision(id).allow;
  for (const id of before.refused()) said.services[id] = false;
  for (const id of Object.keys(services)) {
    const own = named[id];
    if (own !== undefined) said.services[id] = own;
  }
  return said;
};
