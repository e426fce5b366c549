import type { Boot, Snapshot } from "../types";
import { button, element } from "./element";
import { optOutIcon, settingsIcon } from "./icons";
import { stage } from "./stage";
import type { Say } from "./texts";

/** The permanent way back to the settings, and the voice that tells what has been saved. */
export interface WayBack {
  /** Shows or hides the button; `busy` while a layer is on the screen. */
  update(snapshot: Snapshot, busy: boolean): void;
  /** Says it to screen readers, politely. */
  announce(text: string): void;
}

/**
 * It stands at the end of the body: being on every page, it must not be the first stop of everyone
 * who uses the keyboard. A page that shows its own `data-holdfire="preferences"` needs no second
 * one, except where the law wants the opt-out status to be seen.
 */
export function wayBack(boot: Boot, say: Say, open: (opener: HTMLElement) => void): WayBack {
  const [statutory] = boot.links;
  const status = element("span", { class: "honored" }, say("status.opt_out_honored"));
  const pill = button(
    { class: statutory?.icon ? "back named" : "back", "data-control": "preferences", hidden: "" },
    open,
    statutory?.icon ? optOutIcon() : settingsIcon(),
    element("span", {}, element("span", { class: "label" }, linkLabel(boot, say)), status),
  );
  const voice = element("div", { class: "aside", role: "status" });
  const { root, raise } = stage(boot, "beforeend", () => {});
  root.append(pill, voice);
  raise();
  let wanted = false;
  // What was found last: shown again after a layer, the button can have its focus back at once.
  let needless = true;
  const draw = () => {
    pill.hidden = !wanted || needless;
  };
  return {
    update(snapshot, busy) {
      const required = snapshot.opt_out_status === "required";
      status.hidden = !required;
      wanted = !busy && snapshot.prompt !== "none";
      draw();
      // Looking for the page's own link needs layout: just before a frame it is computed anyway.
      requestAnimationFrame(() => {
        needless = !required && pageHasOwn();
        draw();
      });
    },
    announce(text) {
      voice.textContent = text;
    },
  };
}

/** What the way back is called: the label the law wants, in the visitor's language if we have it. */
export function linkLabel({ links: [statutory], texts }: Boot, say: Say): string {
  const key = `link.${statutory?.id ?? "manage"}`;
  return key in texts ? say(key) : (statutory?.label ?? "");
}

function pageHasOwn(): boolean {
  const own = document.querySelectorAll('[data-holdfire="preferences"]');
  return [...own].some((control) => control.getClientRects().length > 0);
}
