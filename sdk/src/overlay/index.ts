/**
 * The debugger: what holds on this page and why, over the page, for whoever builds it. It shows and
 * changes nothing, and all that it shows is text: none of it is ever read as markup.
 */

import { button, element } from "../banner/element";
import { dress } from "../banner/stage";
import { KEPT, type Overlay, type Seen } from "../debug/index";
import type { Host } from "../host";
import { attempt } from "../shape";
import css from "./overlay.css";
import { decisions, elements, held, now, type Row, told } from "./rows";
import { trace } from "./trace";

/** Milliseconds in which changes are drawn together. */
const MOMENT = 50;
/** Milliseconds until a choice on its way is looked at again. */
const PATIENCE = 500;

/** One part of the panel, drawn anew when what it says is another thing. */
interface Section {
  readonly node: HTMLElement;
  draw(rows: readonly Row[]): void;
}

export const mount = (host: Host, seen: Seen): Overlay => {
  const box = element("holdfire-debug" as "div");
  const shadow = box.attachShadow({ mode: "open" });
  dress(shadow, css);
  const sources = [elements, decisions, now, held, told] as const;
  const sections = [
    section("On this page", true),
    section("Decisions", true, "lines"),
    section("What holds", true, "facts"),
    section("Held without marks", false),
    section("Parts and tags", false),
  ];
  const why = section("Why this regime", false);
  const title = element("h2", { tabindex: "-1" }, "Holdfire");
  const panel = element(
    "section",
    { "aria-label": "Holdfire debugger" },
    element(
      "header",
      {},
      title,
      keeper(),
      button({ "aria-label": "Close" }, () => fold(true), "×"),
    ),
    element("div", {}, ...[...sections, why].map(({ node }) => node)),
  );
  const pill = button({ class: "pill", "aria-expanded": "false" }, () => fold(false));
  shadow.append(panel, pill);
  panel.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") fold(true);
  });

  const fold = (folded: boolean) => {
    panel.hidden = folded;
    pill.hidden = !folded;
    (folded ? pill : title).focus({ preventScroll: true });
  };
  const draw = () => {
    sources.forEach((rows, at) => void sections[at]?.draw(rows(host, seen)));
    pill.textContent = `Holdfire: ${summary(elements(host, seen))}`;
  };
  // The service is asked again where something else holds, and once it knows of the choice.
  let asked = "";
  const explain = () => {
    const isPending = host.memory.own(host.now())?.pending === true;
    if (isPending) setTimeout(update, PATIENCE);
    const holds = JSON.stringify([host.snapshot(), isPending]);
    if (asked === holds) return;
    asked = holds;
    trace(host).then(why.draw, (cause) =>
      why.draw([{ name: "Not known", state: "denied", more: [String(cause)] }]),
    );
  };
  let isDue = false;
  const update = () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      draw();
      explain();
    }, MOMENT);
  };

  pill.hidden = true;
  draw();
  explain();
  document.body.append(box);
  return { update, show: () => fold(false), remove: () => box.remove() };
};

/** How many of each state: "2 running, 3 held". */
const summary = (rows: readonly Row[]): string => {
  const counts = new Map<string, number>();
  for (const { state = "" } of rows) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${count} ${state}`).join(", ") || "nothing marked";
};

/** Whether this browser is to show it on every page of the site. */
const keeper = (): HTMLElement => {
  const check = element("input", { type: "checkbox" });
  check.checked = attempt(() => localStorage.getItem(KEPT)) !== null;
  check.addEventListener("change", () => {
    attempt(() =>
      check.checked ? localStorage.setItem(KEPT, "1") : localStorage.removeItem(KEPT),
    );
  });
  return element("label", {}, check, "on every page");
};

const section = (title: string, isOpen: boolean, look = ""): Section => {
  const count = element("small");
  const list = element("ul", { class: look });
  const node = element("details", {}, element("summary", {}, title, count), list);
  node.open = isOpen;
  let drawn = "";
  return {
    node,
    draw: (rows) => {
      const text = JSON.stringify(rows.map(({ at, ...row }) => ({ ...row, at: !!at })));
      if (text === drawn) return;
      drawn = text;
      count.textContent = `${rows.length}`;
      const focused = [...list.querySelectorAll("button")].findIndex((one) =>
        one.matches(":focus"),
      );
      list.replaceChildren(...rows.map(item));
      list.querySelectorAll("button")[focused]?.focus();
      if (rows.length === 0) list.append(element("li", { class: "below" }, "Nothing."));
    },
  };
};

const item = ({ name, state, more = [], below, at }: Row): HTMLElement =>
  element(
    "li",
    below ? { class: "below" } : {},
    at ? button({ title: "Show it on the page" }, () => point(at), name) : element("b", {}, name),
    ...(state ? [element("i", { class: state }, state)] : []),
    ...more.map((line) => element("p", {}, line)),
  );

/** Shows where something is. */
const point = (at: Element) => {
  at.scrollIntoView({ block: "center" });
  const ring = { outline: "4px solid #d63a6a", outlineOffset: "2px" };
  at.animate([ring, ring, { ...ring, outlineColor: "transparent" }], 1600);
};
