import { keys } from "./natives";
import type { Rules, Snapshot, Table } from "./types";

/**
 * In an opt-out regime, switching sale off and nothing on is an opt-out request in the law's sense,
 * and is recorded as one. As soon as a category is on by the visitor's own will it is a consent too,
 * which only "save" can carry. `now` is what held before.
 */
export const isOptOut = (
  { model, categories }: Rules,
  chosen: Table<boolean>,
  now: Snapshot,
): boolean =>
  model === "opt_out" &&
  categories.some(({ id, sale }) => sale && chosen[id] === false) &&
  keys(chosen).every(
    (id) => !chosen[id] || /^(default|exempt)_granted$/.test(now.categories[id]?.reason ?? ""),
  );
