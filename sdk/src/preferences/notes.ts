import type { Scene } from "../banner/scene";
import { signalStands } from "../banner/selection";
import type { CategoryRule } from "../types";
import { listed } from "./listed";
import { wear } from "./wear";

/**
 * What the visitor has to be told about the signals of their browser: which one was obeyed, what is
 * off because of it, and whether a choice here counts more. Signals without force here stay unsaid.
 */
export function signalNotes(scene: Scene): HTMLElement[] {
  const { boot, decidable, element, say, words } = scene;
  const { categories: now, opt_out_status, signals } = scene.snapshot();
  const notes: HTMLElement[] = [];
  const note = (text: string, kind = "note") => {
    const made = element("p", { class: kind }, text);
    notes.push(made);
    wear(scene, made);
  };
  const name = (key: string, which: (rule: CategoryRule) => unknown, outcome = "") => {
    const titles = decidable(boot)
      .filter(which)
      .map(({ id }) => say(`category.${id}.title`));
    if (titles[0]) note(`${say(key, { categories: listed(words, titles) })} ${outcome}`);
  };
  const stands = decidable(boot).some(({ id }) => signalStands(boot, scene.snapshot(), id));
  for (const signal of ["gpc", "dnt"] as const) {
    if (!signals[signal]) continue;
    // Also what is denied for another reason: a yes given here is given in the face of the signal.
    const reached = (rule: CategoryRule) => rule[signal] && !now[rule.id]?.allow;
    name(`signal.${signal}`, reached, say(stands ? "signal.stays" : "signal.override"));
  }
  if (signals.gpc) {
    name("signal.overridden", ({ id, gpc }) => gpc && now[id]?.reason === "choice_granted");
  }
  if (opt_out_status === "required") note(say("status.opt_out_honored"), "note honored");
  return notes;
}
