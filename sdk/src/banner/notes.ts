import type { CategoryRule, Decision, Reason } from "../types";
import { element } from "./element";
import type { Scene } from "./scene";
import { decidable, signalStands } from "./selection";

/**
 * What the visitor has to be told about the signals of their browser: which one was obeyed, what is
 * off because of it, and whether a choice here counts more. Signals without force here stay unsaid.
 */
export function signalNotes(scene: Scene): HTMLElement[] {
  const { boot, say } = scene;
  const snapshot = scene.snapshot();
  // Also what is denied for another reason: a yes given here is given in the face of the signal.
  const reached = (signal: "gpc" | "dnt") =>
    snapshot.signals[signal] === true
      ? titles(scene, (rule) => rule[signal] && !snapshot.categories[rule.id]?.allow)
      : "";
  const overridden = titles(
    scene,
    ({ id, gpc }) => gpc && snapshot.signals.gpc && is(snapshot.categories[id], "choice_granted"),
  );
  const notes: HTMLElement[] = [];
  for (const signal of ["gpc", "dnt"] as const) {
    const categories = reached(signal);
    if (!categories) continue;
    const stands = decidable(boot).some(({ id }) => signalStands(boot, snapshot, id));
    const outcome = stands ? "signal.stays" : "signal.override";
    notes.push(note(say(`signal.${signal}`, { categories }), " ", say(outcome)));
  }
  if (overridden) notes.push(note(say("signal.overridden", { categories: overridden })));
  if (snapshot.opt_out_status === "required") {
    notes.push(element("p", { class: "note honored" }, say("status.opt_out_honored")));
  }
  return notes;
}

function note(...text: string[]): HTMLElement {
  return element("p", { class: "note" }, ...text);
}

function is(decision: Decision | undefined, reason: Reason): boolean {
  return decision?.reason === reason;
}

/** The titles of the categories that `which` picks, ready to be read out. */
function titles({ boot, say }: Scene, which: (rule: CategoryRule) => boolean): string {
  return decidable(boot)
    .filter(which)
    .map(({ id }) => say(`category.${id}.title`))
    .join(", ");
}
