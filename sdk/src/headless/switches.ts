import { presentAct } from "../courier/named";
import { listen, matches, query } from "../dom";
import type { Host } from "../host";
import { keys, table } from "../natives";
import { isOptOut } from "../optOut";
import type { Act, Table } from "../types";

const SWITCH = 'input[type="checkbox"][data-holdfire-category]';

export interface Switches {
  /** Makes them agree with what holds; `anew`, also those that the visitor has turned. */
  sync(anew: boolean): void;
  /** What they say: everything as it holds, but for what the visitor turned. */
  act(): Act;
}

/**
 * The site's switches. They say what holds and, on top of it, what the visitor turned with their own
 * hand; one that a script ticked says nothing, and is put right.
 */
export const openSwitches = ({ boot, snapshot }: Host): Switches => {
  let turned: Table<boolean> = table();
  /** Whether the last click on a switch was the visitor's: a script's click brings a true change. */
  let honest = false;

  const all = () => [...query(document, SWITCH)] as HTMLInputElement[];
  const idOf = (input: Element) => input.getAttribute("data-holdfire-category") ?? "";
  const says = (id: string) => turned[id] ?? snapshot().categories[id]?.allow === true;

  const sync = (anew: boolean) => {
    if (anew) turned = table();
    for (const input of all()) {
      const rule = boot.rules.categories.find(({ id }) => id === idOf(input));
      input.checked = says(idOf(input));
      input.disabled = !rule || rule.locked || rule.consent_cannot_unlock;
    }
  };

  const hear = ({ target, type, isTrusted }: Event) => {
    if (!(target instanceof HTMLInputElement && matches(target, SWITCH))) return;
    if (type === "click") honest = isTrusted;
    else {
      if (honest && isTrusted) turned[idOf(target)] = target.checked;
      sync(false);
    }
  };
  listen(document, "click", hear);
  listen(document, "change", hear);

  return {
    sync,
    act: () => {
      const act = presentAct(boot, snapshot());
      const { categories } = act;
      for (const id of keys(categories)) categories[id] = says(id);
      // Of two switches for one category, and of what is seen and what was turned, the "no" counts.
      for (const input of all()) if (!input.checked) categories[idOf(input)] &&= false;
      return isOptOut(boot.rules, categories, snapshot()) ? { ...act, action: "opt_out" } : act;
    },
  };
};
