import type { AgeModule, HistoryModule, Scene } from "../banner/scene";
import { attempts } from "./attempt";

/** What is to be seen, and what closes it again: something may have been recorded meanwhile. */
export type Further = readonly [nodes: HTMLElement[], fold: () => void];

/**
 * What is fetched for those who ask for it, or whom it concerns: the visitor's own history, and,
 * where the site asks for an age, the one that was answered.
 */
export function further(scene: Scene): Further {
  const { boot, button, element, host, say, words } = scene;
  const [status, attempt] = attempts(scene);
  const fill = (place: HTMLElement, name: "age" | "history") =>
    attempt(async () => {
      const [chunk, more] = await Promise.all([
        host.chunk<Pick<AgeModule, "age"> & HistoryModule>(name),
        host.words(words.language, "more"),
      ]);
      place.replaceChildren(chunk[name](scene, more));
    });
  const age = element("div");
  const past = element("div");
  const opener = button(
    { class: "button quiet", "data-control": "history" },
    () => fill(past, "history"),
    say("button.history"),
  );
  if (boot.rules.ask_age) fill(age, "age");
  return [[age, past, status], () => past.replaceChildren(opener)];
}
