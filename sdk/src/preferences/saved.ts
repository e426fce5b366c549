import type { Scene } from "../banner/scene";
import type { Selection } from "../banner/selection";
import { isOptOut } from "../optOut";
import type { Act } from "../types";

/** The act of "Save" in the preference centre. */
export function savedAct(scene: Scene, { categories, narrowed }: Selection): Act {
  const { boot, record, snapshot, uniformAct } = scene;
  const chosen = record(categories);
  return {
    ...uniformAct(scene, false, 2),
    action: isOptOut(boot.rules, chosen, snapshot()) ? "opt_out" : "save",
    categories: chosen,
    services: record([...narrowed].map((id) => [id, false])),
    control: "save",
  };
}
