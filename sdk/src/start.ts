/** The start of a page view: what happens, in order. */

import { MARK } from "./api";
import { listen, matches, read } from "./dom";
import { get, set } from "./natives";
import { OPENER } from "./prompt";
import { attempt } from "./shape";
import type { Boot } from "./types";
import { type Origin, openView } from "./view";

/** Takes the page under control, unless another copy of this script has done so. */
export const start = (boot: Boot, origin: Origin): void => {
  const before = attempt(() => get(window, "holdfire"));
  if (before?.[MARK]) return;
  const view = openView(boot, origin);
  const { api, speaker, prompter, outbox } = view;

  // Whoever asks finds someone to ask, who so far knows of nothing that is allowed.
  speaker.run(() => {
    if (!set(window, "holdfire", api)) throw new Error("window.holdfire is not ours");
  });
  // What may fire, fires.
  view.settle("boot");
  // The page learns what holds, once it has said who is to be told.
  if (Array.isArray(before)) speaker.run(() => api.push(...before));
  speaker.emit("ready", { cause: "boot", snapshot: view.snapshot() });
  if (!origin.base) speaker.fail(new Error("the service's address is not known"));
  // The visitor is asked, if there is something to ask.
  view.ask("boot");
  // What has to be on every page can wait for the page.
  const stay = () => prompter.stay(view.snapshot());
  if (read("readyState") === "complete") stay();
  else listen(window, "load", stay);
  // A signal that is a standing directive is kept for when it is gone.
  view.remember();
  // What an earlier page could not send is sent.
  outbox.flush();
  // From now on it is the page's turn.
  listen(document, "click", (event) => {
    for (const node of event.composedPath()) {
      if (!(node instanceof Element && matches(node, OPENER))) continue;
      event.preventDefault();
      prompter.show("preferences", node);
      return;
    }
  });
  const comeBack = () => {
    if (read("visibilityState") !== "visible") return;
    view.settle("page");
    outbox.flush();
  };
  listen(document, "visibilitychange", comeBack);
  listen(window, "pageshow", comeBack);
  listen(window, "online", outbox.flush);
  // Scripts cannot be unloaded: what one wrote after its permission ended goes with the page.
  listen(window, "pagehide", () => view.clean(null));
};
