import type { Act, Boot, CategoryRule, Layer, Snapshot, Table } from "../types";
import type { Scene } from "./scene";

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
export function uniformAct({ boot, words }: Scene, allow: boolean, layer: Layer): Act {
  const action = allow ? "accept_all" : "reject_all";
  const categories = record(decidable(boot).map(({ id }) => [id, allow]));
  const { language } = words;
  return { action, categories, services: record([]), layer, control: action, language };
}

/** "OK" under a notice: read, not decided. The record names what held, and grants nothing. */
export function acknowledgement({ boot, words: { language }, snapshot }: Scene): Act {
  const action = "acknowledge";
  const categories = record(present(boot, snapshot()).categories);
  return { action, categories, services: record([]), layer: 1, control: action, language };
}

/** A table without a prototype, as all of ours are. */
export function record(entries: Iterable<readonly [string, boolean]>): Table<boolean> {
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}
