import { button, element } from "../banner/element";
import { linkLabel } from "../banner/label";
import type { Corner, Scene } from "../banner/scene";
import { uniformAct } from "../banner/selection";
import { dress } from "../banner/stage";
import { query } from "../dom";
import type { Snapshot } from "../types";
import css from "./corner.css";
import { optOutIcon, settingsIcon, withdrawIcon } from "./icons";

/**
 * The permanent way back to the settings.
 *
 * It stands at the end of the body: being on every page, it must not be the first stop of everyone
 * who uses the keyboard. A page that shows its own `data-holdfire="preferences"` needs no second
 * one, except where the law wants the opt-out status to be seen.
 *
 * Where a consent stands, one press takes it back: as easy as it was to give (GDPR Art 7(3)).
 */
export function wayBack(scene: () => Scene, open: (opener: HTMLElement) => void): Corner {
  const { boot } = scene();
  const [statutory] = boot.links;
  const label = element("span", { class: "label" });
  const status = element("span", { class: "honored" });
  const settings = button(
    { "data-control": "preferences" },
    open,
    statutory?.icon ? optOutIcon() : settingsIcon(),
    element("span", {}, label, status),
  );
  const back = element("span", { class: "label" });
  const refuse = () => {
    const act = uniformAct(scene(), false, 1);
    scene().choose({ ...act, action: "withdraw", control: "withdraw" });
    // This button goes with the consent, and must not take the focus with it.
    settings.focus();
  };
  const withdraw = button({ "data-control": "withdraw" }, refuse, withdrawIcon(), back);
  const pill = element("div", { class: statutory?.icon ? "back named" : "back", hidden: "" });
  pill.append(settings, withdraw);
  let wanted = false;
  // What was found last: shown again after a layer, the button can have its focus back at once.
  let needless = true;
  let required = false;
  const draw = () => {
    pill.hidden = !wanted || needless;
  };
  const look = () => {
    draw();
    // Looking for the page's own link needs layout: just before a frame it is computed anyway.
    requestAnimationFrame(() => {
      needless = !required && pageHasOwn();
      draw();
    });
  };
  // Another body may have a control of its own, or none any more.
  const { root, raise } = scene().stage("beforeend", look);
  root.append(pill);
  raise();
  const tree = root.getRootNode();
  if (tree instanceof ShadowRoot) dress(tree, css);
  return {
    update(snapshot, busy) {
      const { words, say } = scene();
      required = snapshot.opt_out_status === "required";
      root.lang = words.language;
      root.dir = words.direction;
      label.textContent = linkLabel(scene());
      back.textContent = say("button.withdraw");
      status.textContent = say("status.opt_out_honored");
      status.hidden = !required;
      withdraw.hidden = !consents(snapshot);
      wanted = !busy && snapshot.prompt !== "none";
      look();
    },
  };
}

/** Whether there is a consent that could be withdrawn. */
function consents({ categories }: Snapshot): boolean {
  return Object.values(categories).some(({ reason }) => reason === "choice_granted");
}

function pageHasOwn(): boolean {
  const own = query(document, '[data-holdfire="preferences"]');
  return [...own].some((control) => control.getClientRects().length > 0);
}
