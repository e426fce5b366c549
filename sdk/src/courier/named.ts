/** The page's own code makes a choice: from what it names to an act that names everything. */

import { wholeAct } from "../act/whole";
import { keys, table } from "../natives";
import type { Act, Action, Boot, Snapshot, Table } from "../types";

/**
 * The act behind `choose({…})`. What is not named stays as it holds now.
 *
 * Throws a `TypeError` for an id that the site does not have, and for any value but a boolean:
 * `"false"` is no refusal, and must not pass for a grant either.
 */
export const namedAct = (boot: Boot, choosing: unknown, now: Snapshot): Act => {
  const named = table<boolean>();
  name(choosing, [...boot.rules.categories, ...boot.services], named);
  if (!keys(named).length) throw new TypeError("choose: nothing is named");
  const act = presentAct(boot, now);
  const { categories, services } = act;
  for (const id of keys(categories)) categories[id] = named[id] ?? categories[id] ?? false;
  for (const { id, category } of boot.services) {
    // A service keeps its own answer until its category gets a new one.
    if (category in named) delete services[id];
    if (named[id] !== undefined) services[id] = named[id];
  }
  return { ...act, action: actionOf(boot, act, named) };
};

/** Everything as it holds now. */
export const presentAct = (boot: Boot, now: Snapshot): Act => {
  const act = wholeAct(boot, "save", false);
  const { categories, services } = act;
  for (const id of keys(categories)) categories[id] = now.categories[id]?.allow === true;
  for (const { id } of boot.services) {
    const said = now.prior?.services[id];
    if (said !== undefined) services[id] = said;
  }
  return act;
};

/** Collects what is named, by kind or side by side. */
const name = (given: unknown, known: readonly { id: string }[], named: Table<boolean>) => {
  for (const [id, value] of Object.entries(Object(given))) {
    if (/^(categories|services)$/.test(id) && typeof value === "object") name(value, known, named);
    else if (typeof value === "boolean" && known.some((one) => one.id === id)) named[id] = value;
    else throw new TypeError(`choose: ${id}: ${value}`);
  }
};

/** The narrowest word for the act: a record must not claim a consent that nobody gave. */
const actionOf = (boot: Boot, { categories, services }: Act, named: Table<boolean>): Action => {
  const grants = (given: Table<boolean>) => keys(given).some((id) => given[id]);
  if (!grants(categories) && !grants(services)) return "reject_all";
  const sells = boot.rules.categories.some((rule) => rule.sale && categories[rule.id]);
  return boot.rules.model === "opt_out" && !sells && !grants(named) ? "opt_out" : "save";
};
