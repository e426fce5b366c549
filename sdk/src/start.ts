/** The start of a page view: what happens, in order. */

import { MARK } from "./api";
import { listen, matches, read } from "./dom";
import { bare, get, set } from "./natives";
import { OWN } from "./prompt";
import { attempt } from "./shape";
import { keyOf, OUT, REFUSED } from "./storage";
import type { Boot } from "./types";
import { type Origin, openView, type PageView } from "./view";

/** Takes the page under control, unless another copy of this script has done so. */
export const start = (boot: Boot, origin: Origin): void => {
  const before = attempt(() => get(window, "holdfire"));
  // A frame of that name may be another origin's, which does not let itself be looked at.
  if (attempt(() => before?.[MARK])) return;
  const view = openView(boot, origin);
  const { api, speaker } = view;

  // Whoever asks finds someone to ask, who so far knows of nothing that is allowed.
  speaker.run(() => {
    if (!set(window, "holdfire", api)) throw new Error("window.holdfire is taken");
  });
  // What may fire, fires.
  view.settle("boot");
  // The page learns what holds, once it has said who is to be told.
  if (Array.isArray(before)) speaker.run(() => api.push(...before));
  speaker.emit("ready", { cause: "boot", snapshot: view.snapshot() });
  if (!origin.base) speaker.fail(new Error("no address of the service"));
  // The visitor is asked, if there is something to ask. A page that is still being built gets its
  // turn in between: none of what follows decides anything.
  soon(() => speaker.run(() => view.ask("boot")));
  setTimeout(speaker.run, 0, () => attend(view));
};

interface Scheduling {
  scheduler?: { postTask?(task: () => void, options: object): unknown };
}

/** In a task of its own, before the next picture where the browser can arrange it. */
const soon = (task: () => void) => {
  const { scheduler } = window as Scheduling;
  if (scheduler?.postTask) scheduler.postTask(task, bare({ priority: "user-blocking" }));
  else setTimeout(task);
};

/** Hears what happens on the page from now on. */
const attend = (view: PageView) => {
  const { prompter } = view;
  view.tabs();
  // What has to be on every page can wait for the page.
  if (read("readyState") === "complete") prompter.stay();
  else listen(window, "load", prompter.stay);
  resume(view);
  // From now on it is the page's turn.
  listen(document, "click", (event) => {
    for (const node of event.composedPath()) {
      if (!(node instanceof Element && matches(node, OWN))) continue;
      event.preventDefault();
      if (node.getAttribute("data-holdfire") === "withdraw") view.refuse("withdraw");
      else prompter.show("preferences", node);
      return;
    }
  });
  const comeBack = () => {
    if (read("visibilityState") !== "visible") return;
    view.settle("page");
    resume(view);
  };
  listen(document, "visibilitychange", comeBack);
  listen(window, "pageshow", comeBack);
  listen(window, "online", comeBack);
  // Scripts cannot be unloaded: what one wrote after its permission ended goes with the page.
  listen(window, "pagehide", () => view.clean(null));
};

/** Finishes what an earlier page, or an earlier moment, could not finish. */
const resume = ({ boot: { site, rules }, local, snapshot, act, courier }: PageView) => {
  const key = keyOf(site);
  if (local.get(key + REFUSED)) act((ready) => ready.refuse());
  // A signal that is a standing directive is kept for when it is gone.
  if (rules.remember_gpc && snapshot().sale_or_share.reason === "gpc") {
    courier((ready) => ready.remember());
  }
  if (local.keys().some((kept) => kept.startsWith(key + OUT)))
    courier((ready) => ready.send(false));
};
