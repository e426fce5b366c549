import { linkLabel } from "../banner/label";
import type { Scene } from "../banner/scene";
import type { Selection } from "../banner/selection";
import type { CategoryRule } from "../types";
import { categoryPart, switchPart } from "./category";
import type { Form } from "./form";
import { further } from "./further";
import { languageList } from "./language";
import { signalNotes } from "./notes";
import { savedAct } from "./saved";

/** The law's name for the way to limit the use of sensitive data: 11 CCR § 7014. */
const LIMIT = "limit";

/** What names and describes the frame. */
export const NAMED = {
  "aria-labelledby": "heading",
  "aria-describedby": "lead",
  "data-layer": "2",
};

/**
 * Fills a frame with the switches and what goes around them, the buttons that decide, and `closing`.
 * Gives back what makes it agree with what holds now.
 */
export function board(around: Scene, frame: HTMLElement, closing: Node | string = ""): () => void {
  const { boot, button, element, follow, say, snapshot, words } = around;
  const selection: Selection = { categories: new Map(), narrowed: new Set() };
  const syncs: (() => void)[] = [];
  let touched = false;
  const update = () => {
    // What changed elsewhere must not turn a switch the visitor has their hand on.
    if (!touched) follow(selection, boot, snapshot());
    notes.replaceChildren(...signalNotes(around));
    for (const sync of syncs) sync();
  };
  const form: Form = {
    ...around,
    selection,
    choose(act) {
      touched = false;
      around.choose(act);
      update();
      fold();
    },
    turned() {
      touched = true;
      update();
    },
    agree(sync) {
      syncs.push(sync);
      sync();
    },
  };
  const notes = element("div");
  const [asked, fold] = further(form);
  const save = () => form.choose(savedAct(form, selection));
  const content = element(
    "div",
    { class: "content" },
    element("p", { id: "lead" }, say("preferences.body")),
    notes,
    ...groups(form),
    ...boot.rules.categories.map((rule) => categoryPart(form, rule)),
    element(
      "div",
      { class: "category" },
      words.more ? languageList(form) : "",
      ...asked,
      element("p", { class: "links" }, ...links(form)),
    ),
  );
  const foot = element(
    "div",
    { class: "foot actions" },
    ...around.uniformControls(form, 2),
    button({ class: "button", "data-control": "save" }, save, say("button.save")),
  );
  const title = element("h2", { id: "heading", tabindex: "-1" }, linkLabel(around));
  frame.replaceChildren(element("div", { class: "head" }, title, closing), content, foot);
  frame.lang = words.language;
  frame.dir = words.direction;
  update();
  fold();
  return update;
}

/** The switches that US laws want, where there is something to switch. */
function groups(form: Form): HTMLElement[] {
  const { boot, decidable } = form;
  const group = (key: string, which: (rule: CategoryRule) => boolean, heading = "") => {
    const rules = decidable(boot).filter(which);
    return rules[0] ? [switchPart(form, key, rules, heading)] : [];
  };
  const limit = boot.links.find(({ id }) => id === LIMIT)?.label;
  return [
    ...group("sale", ({ sale }) => sale && boot.rules.model === "opt_out"),
    ...group("sensitive", ({ sensitive }) => sensitive, limit),
  ];
}

/** Statutory links besides the way back (bare text if the site has no page for one), and pages. */
function links(scene: Scene): (Node | string)[] {
  const { boot, link, pageLinks, words } = scene;
  const { urls } = words;
  const statutory = boot.links
    .slice(1)
    .filter(({ id }) => id !== LIMIT)
    .map(({ id, label }) => (urls[id] ? link(urls[id], label) : label));
  return [...statutory, ...pageLinks(scene)];
}
