/** A verdict as a part of the page. All that is not of this page is put in as text. */

import { MEANINGS, nextStep, proves, provesNot, TITLES } from "./advice";
import { isPersonal } from "./entry";
import { person, place, type Row, recorded, signers, under } from "./told";
import type { Claim, Verdict } from "./verdict";

type Child = Node | string;

export const element = (tag: string, attributes: Record<string, string>, ...children: Child[]) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

/** The verdict in large words, which is also what is read aloud. */
export const banner = (verdict: Verdict): HTMLElement => {
  const { outcome, why } = verdict;
  const next = nextStep(verdict);
  return element(
    "div",
    { class: `verdict ${outcome}` },
    element("span", { class: "sign", "aria-hidden": "true" }),
    element(
      "div",
      {},
      element("h2", { tabindex: "-1" }, TITLES[outcome]),
      element("p", { class: "meaning" }, MEANINGS[outcome]),
      element("p", {}, why),
      ...(next ? [element("p", {}, next)] : []),
    ),
  );
};

/** What the receipt says, and what of it is proved. Of one that is refuted nothing is repeated. */
export const details = ({ outcome, claim }: Verdict): HTMLElement[] => {
  if (!claim) return [];
  const isProved = outcome === "verified";
  const others = [
    section("Under which texts", under(claim)),
    section("Place in the log", place(claim)),
    section("Who signed", signers(claim)),
  ];
  const lists = [
    list("What this proves", proves(claim)),
    list("What this does not prove", provesNot(claim)),
  ];
  const act = isPersonal(claim.receipt.entry) ? "recorded" : "stated";
  const caution = "What follows is what the file says. It is not proved.";
  return [
    ...(isProved ? [] : [element("p", { class: "caution" }, caution)]),
    section(isProved ? `What was ${act}` : `What the file says was ${act}`, [
      ...recorded(claim),
      ...person(claim),
    ]),
    ...others.filter((one) => one.querySelector("dt")),
    ...(isProved ? lists : []),
    whole(claim),
  ];
};

const section = (title: string, rows: readonly Row[]): HTMLElement =>
  element(
    "section",
    {},
    element("h3", {}, title),
    element(
      "dl",
      {},
      ...rows.map(({ term, lines, code }) =>
        element(
          "div",
          {},
          element("dt", {}, term),
          ...lines.map((line) => element("dd", code ? { class: "code" } : {}, line)),
        ),
      ),
    ),
  );

const list = (title: string, sentences: readonly string[]): HTMLElement =>
  element(
    "section",
    {},
    element("h3", {}, title),
    element("ul", {}, ...sentences.map((sentence) => element("li", {}, sentence))),
  );

const whole = ({ said }: Claim): HTMLElement =>
  element(
    "details",
    {},
    element("summary", {}, "All that was recorded"),
    element("pre", { tabindex: "0" }, JSON.stringify(said, null, 2)),
  );
