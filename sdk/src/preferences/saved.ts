import type { Scene } from "../banner/scene";
import type { Selection } from "../banner/selection";
import type { Act, Table } from "../types";

/** The act of "Save" in the preference centre. */
export function savedAct(scene: Scene, { categories, narrowed }: Selection): Act {
  const { record, uniformAct } = scene;
  const chosen = record(categories);
  return {
    ...uniformAct(scene, false, 2),
    action: isOptOut(scene, chosen) ? "opt_out" : "save",
    categories: chosen,
    services: record([...narrowed].map((id) => [id, false])),
    control: "save",
  };
}

/**
 * In an opt-out regime, switching sale off and nothing on is an opt-out request in the law's sense,
 * and is recorded as one. As soon as a category is on by the visitor's own will it is a consent too,
 * which only "save" can carry.
 */
function isOptOut({ boot, decidable, snapshot }: Scene, chosen: Table<boolean>): boolean {
  const { categories } = snapshot();
  const rules = decidable(boot);
  return (
    boot.rules.model === "opt_out" &&
    rules.some(({ id, sale }) => sale && !chosen[id]) &&
    rules.every(
      ({ id }) => !chosen[id] || /^(default|exempt)_granted$/.test(categories[id]?.reason ?? ""),
    )
  );
}
