import type { Scene } from "../banner/scene";
import type { CookieUse } from "../types";

/** A lifetime as sites write it in English, which the page says in its own language. */
const PERIOD = /^(\d+) (minute|hour|day|week|month|year)s?$/;

/** Name, purpose and lifetime of each cookie or storage key, as the provider states them. */
export function useTable(scene: Scene, heading: string, uses: readonly CookieUse[]): HTMLElement[] {
  const { say, element } = scene;
  const row = (scope: "row" | "col", first: string, ...others: string[]) =>
    element(
      "tr",
      {},
      // A text in another script than the page's must not turn its neighbours round.
      element("th", { scope, dir: "auto" }, first),
      ...others.map((text) => element(scope === "row" ? "td" : "th", { dir: "auto" }, text)),
    );
  const head = row("col", say(heading), say("service.purpose"), say("service.lifetime"));
  const rows = uses.map(({ name, purpose, lifetime }) =>
    row("row", name, purpose, period(scene, lifetime)),
  );
  return rows[0] ? [element("table", {}, head, ...rows)] : [];
}

function period({ say, words: { language } }: Scene, lifetime: string): string {
  const [, count, unit] = PERIOD.exec(lifetime) ?? [];
  if (!unit) return say(`lifetime.${lifetime}`) || lifetime;
  const style = { style: "unit", unit, unitDisplay: "long" } as const;
  return new Intl.NumberFormat(language, style).format(Number(count));
}
