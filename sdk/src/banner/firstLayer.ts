import type { Boot } from "../types";
import { keepClear } from "./clearance";
import { button, element, link } from "./element";
import { signalNotes } from "./notes";
import type { Layer, Scene } from "./scene";
import { acknowledgement, uniformAct } from "./selection";

/** Which set of words the first layer speaks. */
function tone({ rules }: Boot): "opt_in" | "opt_out" | "notice" {
  if (rules.surface === "notice" || rules.model === "none") return "notice";
  return rules.model;
}

/**
 * The first layer: a card over the page, which stays usable. It is therefore a region with a name,
 * and neither a dialog nor modal; it takes no focus, and Escape means nothing in it.
 */
export function firstLayer(scene: Scene, settings: (opener: HTMLElement) => void): Layer {
  const { boot, say } = scene;
  const voice = tone(boot);
  const notes = element("div", { class: "notes" }, ...signalNotes(scene));
  const card = element(
    "section",
    // The top layer keeps a page's own z-index away; "manual" leaves Escape and the page alone.
    { class: "card", popover: "manual", role: "region", "aria-labelledby": "question" },
    ...wayOut(scene),
    element("h2", { id: "question" }, say(`banner.title.${voice}`)),
    element("p", {}, say(`banner.body.${voice}`)),
    notes,
    ...pageLinks(scene),
    element("div", { class: "actions" }, ...controls(scene, voice === "notice", settings)),
  );
  let release = () => {};
  return {
    node: card,
    open() {
      if ("showPopover" in card) card.showPopover();
      release();
      release = keepClear(card);
    },
    update() {
      notes.replaceChildren(...signalNotes(scene));
    },
    close() {
      release();
      card.remove();
    },
  };
}

/**
 * The control in the corner that some regulators want beside the buttons: it keeps the defaults,
 * and so refuses (Garante, provv. 231/2021). Where the law does not ask for it there is none.
 */
function wayOut({ boot, say, choose }: Scene): HTMLElement[] {
  if (!boot.rules.close) return [];
  const name = say("button.close_refuse");
  const attributes = { class: "close", "data-control": "close", "aria-label": name, title: name };
  const refuse = () => choose({ ...uniformAct(boot, false, 1), control: "close" });
  return [button(attributes, refuse)];
}

/** Accept and refuse are one kind of element with one class: neither can outweigh the other. */
function controls(
  scene: Scene,
  notice: boolean,
  settings: (opener: HTMLElement) => void,
): HTMLElement[] {
  const { boot, say, snapshot, choose } = scene;
  const open = (kind: string) =>
    button({ class: kind, "data-control": "settings" }, settings, say("button.settings"));
  if (notice) {
    const acknowledge = () => choose(acknowledgement(boot, snapshot()));
    const attributes = { class: "button", "data-control": "acknowledge" };
    return [button(attributes, acknowledge, say("button.acknowledge")), open("button")];
  }
  return [...uniformControls(scene, 1), open("button quiet")];
}

/** "Accept all" and "Reject all", as both layers have them. */
export function uniformControls({ boot, say, choose }: Scene, layer: 1 | 2): HTMLElement[] {
  return [true, false].map((allow) => {
    const act = uniformAct(boot, allow, layer);
    const attributes = { class: "button", "data-control": act.control };
    return button(attributes, () => choose(act), say(`button.${act.control}`));
  });
}

/** The line of links to the site's own pages: those of its URLs that have a text. */
export function pageLinks({ boot: { urls, texts }, say }: Scene): HTMLElement[] {
  const named = Object.entries(urls).filter(([id]) => `link.${id}` in texts);
  const links = named.map(([id, address]) => link(address, say(`link.${id}`)));
  return links.length ? [element("p", { class: "links" }, ...links)] : [];
}
