import type { Boot } from "../types";
import { keepClear } from "./clearance";
import { button, element, link } from "./element";
import type { Layer, PreferencesModule, Scene } from "./scene";
import { acknowledgement, uniformAct } from "./selection";

/** Which set of words the first layer speaks. */
function tone({ rules }: Boot): "opt_in" | "opt_out" | "notice" {
  if (rules.surface === "notice" || rules.model === "none") return "notice";
  return rules.model;
}

/**
 * The first layer: a card over the page, which stays usable. It is therefore a region with a name,
 * and neither a dialog nor modal; it takes no focus, and Escape means nothing in it. Only where the
 * site wants the page to wait is it a modal dialog; Escape then leads out of it and decides nothing.
 */
export function firstLayer(
  scene: Scene,
  settings: (opener: HTMLElement) => void,
  part: () => Promise<PreferencesModule>,
  signalNotes: PreferencesModule["signalNotes"],
): Layer {
  const { boot, say } = scene;
  const { layout = "box", blocking } = boot.look;
  const voice = tone(boot);
  const notes = element("div", { class: "notes" });
  const framed = frame(scene, `card ${layout}`, [
    ...wayOut(scene),
    element(
      "h2",
      { id: "question", ...(blocking && { tabindex: "-1" }) },
      say(`banner.title.${voice}`),
    ),
    element("p", {}, say(`banner.body.${voice}`)),
    notes,
    links(scene, part),
    element("div", { class: "actions" }, ...controls(scene, voice === "notice", settings)),
  ]);
  const update = () => notes.replaceChildren(...signalNotes(scene));
  update();
  return { ...framed, update };
}

/** What the first layer stands in: a region of the page, or a dialog the page waits for. */
export function frame(
  { boot, host, words }: Scene,
  kind: string,
  parts: HTMLElement[],
): Omit<Layer, "update"> {
  const { language: lang, direction: dir } = words;
  const named = { class: kind, lang, dir, "aria-labelledby": "question", "data-layer": "1" };
  if (boot.look.blocking) {
    const node = element("dialog", { ...named, "aria-modal": "true" }, ...parts);
    const close = () => {
      // Closed, it gives the focus back to where the page had it.
      node.close();
      node.remove();
    };
    return { node, open: () => showModal(node), close };
  }
  // The top layer keeps a page's own z-index away; "manual" leaves Escape and the page alone.
  const node = element("section", { ...named, popover: "manual", role: "region" }, ...parts);
  let release = () => {};
  const close = () => {
    release();
    node.remove();
  };
  const open = () => {
    release();
    node.showPopover?.();
    release = keepClear(host, node);
  };
  return { node, open, close };
}

/** Has the page wait for a dialog. One that was moved with its body says `open` and is not modal. */
export function showModal(dialog: HTMLDialogElement): void {
  dialog.removeAttribute("open");
  dialog.showModal();
  dialog.querySelector("h2")?.focus();
}

/**
 * The control in the corner that some regulators want beside the buttons: it keeps the defaults,
 * and so refuses (Garante, provv. 231/2021). Where the law does not ask for it there is none.
 */
function wayOut(scene: Scene): HTMLElement[] {
  const { boot, say, choose } = scene;
  if (!boot.rules.close) return [];
  const name = say("button.close_refuse");
  const attributes = { class: "close", "data-control": "close", "aria-label": name, title: name };
  const refuse = () => choose({ ...uniformAct(scene, false, 1), control: "close" });
  return [button(attributes, refuse)];
}

/** Accept and refuse are one kind of element with one class: neither can outweigh the other. */
function controls(
  scene: Scene,
  notice: boolean,
  settings: (opener: HTMLElement) => void,
): HTMLElement[] {
  const { say, choose } = scene;
  const open = (kind: string) =>
    button({ class: kind, "data-control": "settings" }, settings, say("button.settings"));
  if (notice) {
    const acknowledge = () => choose(acknowledgement(scene));
    const attributes = { class: "button", "data-control": "acknowledge" };
    return [button(attributes, acknowledge, say("button.acknowledge")), open("button")];
  }
  return [...uniformControls(scene, 1), open("button quiet")];
}

/** "Accept all" and "Reject all", as both layers have them. */
export function uniformControls(scene: Scene, layer: 1 | 2): HTMLElement[] {
  return [true, false].map((allow) => {
    const act = uniformAct(scene, allow, layer);
    const attributes = { class: "button", "data-control": act.control };
    return button(attributes, () => scene.choose(act), scene.say(`button.${act.control}`));
  });
}

/** The site's own pages, and the other languages there are. */
function links(scene: Scene, part: () => Promise<PreferencesModule>): HTMLElement {
  const { host, words, say } = scene;
  const line = element("p", { class: "links" }, ...pageLinks(scene));
  if (words.more) {
    const name = say("language.name");
    const list = (pressed: HTMLElement) => {
      Promise.all([part(), scene.whole()])
        .then(([{ languageList }]) => pressed.replaceWith(languageList(scene, pressed)))
        .catch(host.fail);
    };
    const label = `${say("language.choose")}: ${name}`;
    line.append(button({ "data-control": "language", "aria-label": label }, list, name));
  }
  return line;
}

/** Links to the site's own pages: those of its URLs that have a text. */
export function pageLinks({ words: { urls, texts }, say }: Scene): Node[] {
  const named = Object.entries(urls).filter(([id]) => `link.${id}` in texts);
  return named.map(([id, address]) => link(address, say(`link.${id}`)));
}
