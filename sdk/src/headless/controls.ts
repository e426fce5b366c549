import { wholeAct } from "../act/whole";
import { listen, matches, query, read } from "../dom";
import type { Host } from "../host";
import type { Act, Layer, Words } from "../types";
import { CONTROL, hasForce, isSeen, SIGNAL } from "./layers";

/** What grants least comes first: of controls inside each other, that one counts. */
const NAMES = ["reject_all", "close", "withdraw", "save", "accept_all"] as const;

/**
 * Carries out what the site's controls say when the visitor uses one; `done` is called after it.
 * Once it is `over` with them, they can but refuse.
 */
export const openControls = (
  host: Host,
  { language }: Words,
  saved: () => Act,
  done: () => void,
  over: () => boolean,
): void => {
  const { boot } = host;

  /** Whether a signal has force here of which the visitor was told nothing. */
  const isUntold = () => {
    return hasForce(host) && ![...query(document, SIGNAL)].some(isSeen);
  };

  const actFor = (control: (typeof NAMES)[number], layer: Layer): Act | undefined => {
    // The core sees to a withdrawal; what closes decides only where the law wants it to refuse.
    if (control === "withdraw" || (control === "close" && !(layer === 1 && boot.rules.close)))
      return;
    if (control === "save") return saved();
    const grants = control === "accept_all";
    return wholeAct(boot, grants ? control : "reject_all", grants);
  };

  listen(document, "click", (event) => {
    // What a script clicks is the page's own doing, for which there is `window.holdfire`.
    if (!event.isTrusted) return;
    const path = event.composedPath().filter((node) => node instanceof Element);
    const pressed = (name: string) => path.find((node) => matches(node, `${CONTROL}="${name}"]`));
    const control = NAMES.find(pressed);
    if (!control || (over() && control !== "reject_all")) return;
    event.preventDefault();
    if (control === "accept_all" && isImplied(event as UIEvent, path)) return;
    const within = (layer: Layer) =>
      path.some((node) => matches(node, `[data-holdfire-layer="${layer}"]`));
    const layer = within(2) ? 2 : within(1) ? 1 : 0;
    const act = actFor(control, layer);
    // A yes that was said without knowing of the signal is no answer to it: as if code had said it.
    const asked = control !== "reject_all" && isUntold() ? 0 : layer;
    if (act) host.choose({ ...act, layer: asked, control, language });
    done();
  });
};

/**
 * Enter in a field presses the first button of its form, whatever that says (HTML, implicit
 * submission). Such a click comes from no pointer, and the focus is on the field.
 */
const isImplied = ({ detail }: UIEvent, path: readonly EventTarget[]): boolean => {
  const active = read("activeElement");
  return !detail && active instanceof HTMLInputElement && !path.includes(active);
};
