import type { Act, Boot, CategoryRule, Layer, Snapshot, Table } from "../types";

/**
 * What the switches of the preference centre say. A service follows its category, unless it was
 * narrowed: switched off by itself. It can never be on where its category is off.
 */
export interface Selection {
  readonly categories: Map<string, boolean>;
  readonly narrowed: Set<string>;
}

/** The categories a visitor decides on. */
export function decidable(boot: Boot): CategoryRule[] {
  return boot.rules.categories.filter((rule) => !rule.locked);
}

/** The categories that count as sale, sharing or targeted advertising. */
export function sold(boot: Boot): CategoryRule[] {
  return decidable(boot).filter((rule) => rule.sale);
}

/** Makes a selection agree with what holds now: nothing is on that is not allowed already. */
export function follow({ categories, narrowed }: Selection, boot: Boot, snapshot: Snapshot): void {
  for (const { id } of decidable(boot)) {
    categories.set(id, snapshot.categories[id]?.allow === true);
  }
  narrowed.clear();
  for (const { id } of boot.services) {
    if (snapshot.prior?.services[id] === false) narrowed.add(id);
  }
}

/** A selection that agrees with what holds now. */
export function present(boot: Boot, snapshot: Snapshot): Selection {
  const selection = { categories: new Map<string, boolean>(), narrowed: new Set<string>() };
  follow(selection, boot, snapshot);
  return selection;
}

/**
 * GPC denies this category here and no choice on this page can win over it, because the law wants
 * the visitor to be known to the site first (11 CCR § 7025(c)(3)): a switch would promise too much.
 */
export function signalStands(boot: Boot, snapshot: Snapshot, id: string): boolean {
  return (
    boot.rules.conflict_rule === "signal_wins_until_reconfirmed_known" &&
    /^(gpc|dnt)$/.test(snapshot.categories[id]?.reason ?? "")
  );
}

/** The act of one button that answers for every category at once. */
export function uniformAct(boot: Boot, allow: boolean, layer: Layer): Act {
  const action = allow ? "accept_all" : "reject_all";
  const categories = record(decidable(boot).map(({ id }) => [id, allow]));
  return { action, categories, services: record([]), layer, control: action };
}

/** "OK" under a notice: read, not decided. The record names what held, and grants nothing. */
export function acknowledgement(boot: Boot, snapshot: Snapshot): Act {
  const action = "acknowledge";
  const categories = record(present(boot, snapshot).categories);
  return { action, categories, services: record([]), layer: 1, control: action };
}

/** The act of "Save" in the preference centre. */
export function savedAct(boot: Boot, snapshot: Snapshot, selection: Selection): Act {
  const categories = record(selection.categories);
  const services = record([...selection.narrowed].map((id) => [id, false]));
  const action = isOptOut(boot, snapshot, categories) ? "opt_out" : "save";
  return { action, categories, services, layer: 2, control: "save" };
}

/**
 * In an opt-out regime, switching sale off and nothing on is an opt-out request in the law's sense,
 * and is recorded as one. As soon as a category is on by the visitor's own will it is a consent too,
 * which only "save" can carry.
 */
function isOptOut(boot: Boot, snapshot: Snapshot, categories: Table<boolean>): boolean {
  const byDefault = (id: string) =>
    /^(default|exempt)_granted$/.test(snapshot.categories[id]?.reason ?? "");
  return (
    boot.rules.model === "opt_out" &&
    sold(boot).some(({ id }) => !categories[id]) &&
    Object.entries(categories).every(([id, allow]) => !allow || byDefault(id))
  );
}

/** A table without a prototype, as all of ours are. */
function record(entries: Iterable<readonly [string, boolean]>): Table<boolean> {
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}
