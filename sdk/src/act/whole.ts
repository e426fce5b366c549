import { table } from "../natives";
import type { Act, Action, Boot } from "../types";

/** Every unlocked category one way, and no service apart from its category. */
export const wholeAct = (boot: Boot, action: Action, granted: boolean): Act => {
  const categories = table<boolean>();
  for (const rule of boot.rules.categories) if (!rule.locked) categories[rule.id] = granted;
  return {
    action,
    categories,
    services: table(),
    layer: 0,
    control: "api",
    language: boot.language,
  };
};
