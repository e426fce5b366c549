import { element } from "../banner/element";
import { speaker } from "../banner/texts";
import { presentAct } from "../courier/named";
import type { Host } from "../host";
import { canUnlock } from "../policy";
import type { Act, CategoryRule, Reason, Words } from "../types";

export type Control = "load_once" | "always_allow";

/** What is said in the place of a held thing, and what the visitor can do about it. */
export interface Offer {
  title: string;
  lines: string[];
  /** Each with its name; none where no act of the visitor could allow it. */
  controls: [Control, string][];
}

export const offerFor = (host: Host, words: Words, held: Element): Offer => {
  const { id, category, reason, rules } = needs(host, held);
  const say = speaker(() => words);
  const title = say(`category.${category}.title`) || category;
  const named = words.services.find((one) => one.id === id)?.name;
  const signals = rules && signalsAgainst(host, rules);
  const open = rules && isOpen(host, rules, signals);
  const outcome = open ? "signal.override" : "signal.stays";
  const why = signals?.[0]
    ? [...signals.map((signal) => say(`reason.${signal}`)), say(outcome)]
    : // "Off until you allow it" is not so where nobody can allow it.
      [open || reason !== "default_denied" ? say(`reason.${reason}`) : ""];
  return {
    title: say("held.title", { name: named ?? (title || id) }),
    lines: [say("held.text", { name: named ?? (hostOf(held) || title) }), why.join(" ")],
    controls: open
      ? [
          ["load_once", say("button.load_once")],
          ["always_allow", say("button.always_allow", { category: title })],
        ]
      : [],
  };
};

/**
 * Everything as it holds now, but for the category that is waited for. Services that were switched
 * off by themselves stay so; this one's own refusal is lifted.
 */
export const alwaysAct = (host: Host, { language }: Words, held: Element): Act => {
  const { id, category } = needs(host, held);
  const act = presentAct(host.boot, host.snapshot());
  act.categories[category] = true;
  delete act.services[id];
  return { ...act, layer: 1, control: "always_allow", language };
};

/** What a held thing waits for, and the rules for it; `null` if the site knows nothing of it. */
const needs = ({ boot, snapshot }: Host, held: Element) => {
  const { categories, services } = snapshot();
  const id = held.getAttribute("data-service") ?? "";
  const marks = [
    held.getAttribute("data-category"),
    boot.services.find((one) => one.id === id)?.category,
  ].filter((mark) => typeof mark === "string");
  // Where two categories have a say, it waits for one and then for the other.
  const category = marks.find((mark) => !categories[mark]?.allow) ?? marks[0] ?? "";
  const decision = categories[category];
  const reason: Reason = (decision?.allow ? services[id] : decision)?.reason ?? "unknown_service";
  const found = marks.map((mark) => boot.rules.categories.find((rule) => rule.id === mark));
  const rules = found.filter((rule) => rule !== undefined);
  return { id, category, reason, rules: rules[0] && rules.length === marks.length ? rules : null };
};

/**
 * The signals of the browser that deny it. They are told whatever else denies it: a yes given here
 * counts as one given in the face of them.
 */
const signalsAgainst = ({ snapshot }: Host, rules: readonly CategoryRule[]) =>
  (["gpc", "dnt"] as const).filter(
    (signal) => snapshot().signals[signal] && rules.some((rule) => rule[signal]),
  );

/** Whether an act of the visitor on this page can allow it. */
const isOpen = (
  { boot, age }: Host,
  rules: readonly CategoryRule[],
  signals: readonly string[] | null,
): boolean => {
  return (
    !(signals?.[0] && boot.rules.conflict_rule === "signal_wins_until_reconfirmed_known") &&
    rules.every((rule) => canUnlock(boot.rules, rule, age()))
  );
};

/** The host its address names, or "". */
const hostOf = (held: Element): string => {
  const href = held.getAttribute("data-src") ?? held.getAttribute("data-data");
  return href ? element("a", { href }).hostname : "";
};
