import { categoryPart, salePart } from "./category";
import { button, element, link } from "./element";
import { pageLinks, uniformControls } from "./firstLayer";
import { goRound } from "./focus";
import { signalNotes } from "./notes";
import type { Form, Layer, Part, Scene } from "./scene";
import { follow, present, savedAct, sold } from "./selection";
import { linkLabel } from "./wayBack";

/**
 * The preference centre: a real modal dialog, so the browser itself makes the page behind it inert,
 * closes it on Escape and draws it above everything. `left` is told when the visitor closed it
 * without deciding, which never counts as a choice.
 */
export function preferences(scene: Scene, left: () => void): Layer {
  const { boot, say } = scene;
  const { content, save, update } = switchboard(scene);
  const title = element("h2", { id: "heading", tabindex: "-1" }, linkLabel(boot, say));
  const dialog = element("dialog", { "aria-labelledby": "heading", "aria-modal": "true" });
  const close = { class: "close", "data-control": "close", "aria-label": say("button.close") };
  dialog.append(
    element(
      "div",
      { class: "head" },
      title,
      button(close, () => dialog.close()),
    ),
    content,
    element("div", { class: "foot actions" }, ...uniformControls(scene, 2), save),
  );
  dialog.addEventListener("close", left);
  goRound(dialog);
  return {
    node: dialog,
    open() {
      // A dialog that was moved with its body still says `open`, but is not modal any more.
      dialog.removeAttribute("open");
      dialog.showModal();
      title.focus();
    },
    update,
    close() {
      dialog.removeEventListener("close", left);
      dialog.close();
      dialog.remove();
    },
  };
}

/** The switches with what goes around them, and the button that saves them. */
interface Switchboard {
  readonly content: HTMLElement;
  readonly save: HTMLElement;
  update(): void;
}

function switchboard(scene: Scene): Switchboard {
  const { boot, say, snapshot, choose } = scene;
  const selection = present(boot, snapshot());
  let touched = false;
  const sync = () => {
    for (const part of parts) part.sync();
  };
  const turned = () => {
    touched = true;
    sync();
  };
  const parts = partsOf({ ...scene, selection, turned });
  const notes = element("div", { class: "notes" });
  const update = () => {
    // What changed elsewhere must not turn a switch the visitor has their hand on.
    if (!touched) follow(selection, boot, snapshot());
    notes.replaceChildren(...signalNotes(scene));
    sync();
  };
  update();
  const lead = element("p", {}, say("preferences.body"));
  const nodes = [lead, notes, ...parts.map((part) => part.node)];
  const content = element("div", { class: "content" }, ...nodes, ...otherLinks(scene));
  const act = () => choose(savedAct(boot, snapshot(), selection));
  const save = button({ class: "button", "data-control": "save" }, act, say("button.save"));
  return { content, save, update };
}

function partsOf(form: Form): Part[] {
  const { rules } = form.boot;
  const sale = rules.model === "opt_out" ? sold(form.boot) : [];
  const parts = rules.categories.map((rule) => categoryPart(form, rule));
  return sale.length ? [salePart(form, sale), ...parts] : parts;
}

/** Statutory links besides the way back (bare text if the site has no page for one), and pages. */
function otherLinks(scene: Scene): HTMLElement[] {
  const { links, urls } = scene.boot;
  const statutory = links.slice(1).map(({ id, label }) => {
    const address = urls[id];
    return element("p", {}, address ? link(address, label) : label);
  });
  return [...statutory, ...pageLinks(scene)];
}
