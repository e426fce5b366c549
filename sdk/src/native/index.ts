/**
 * An app that shows the page in a WebView may read what holds. See docs/webviews.md.
 *
 * JSON texts, to `window.webkit.messageHandlers.holdfire` (WKWebView) and to `window.holdfireHost`
 * (Android), whichever of them is there:
 *
 *     page → app   {"holdfire": 1, "type": "ready" | "change" | "state", "site", "regime", "prompt",
 *                   "decisions": {…}, "sale_or_share": {…}, "signals": {…}}
 *     app → page   {"holdfire": 1, "type": "state"}
 *     app → page   {"holdfire": 1, "type": "show", "view": "preferences" | "banner"}
 *
 * There is no message that could set anything.
 */

import { ageIn } from "../address";
import { listen } from "../dom";
import type { Host } from "../host";
import { adopt, stringify } from "../natives";
import { attempt, parsed } from "../shape";
import { keyOf } from "../storage";
import type { Part, Snapshot, View } from "../types";

type Heard = { postMessage(text: string): void; addEventListener?: Window["addEventListener"] };

/** What an app puts into the page's window before any of its scripts. */
interface Shown {
  webkit?: { messageHandlers?: { holdfire?: Heard } };
  holdfireHost?: Heard;
  /** What it says of the visitor. */
  holdfireNative?: { age?: unknown };
  /** Ours. */
  holdfire: { show(view: View): void };
}

/** Characters of the longest message that an app has a use for. */
const LONGEST = 256;

export const open = ({ boot, local, snapshot }: Host): Part => {
  const shown = window as unknown as Shown;
  let told = "";

  const tell = (type: "ready" | "change" | "state") => {
    const { categories, services, prompt, sale_or_share, signals } = snapshot();
    const decisions = { ...categories, ...services };
    const { site, rules } = boot;
    const state = { site, regime: rules.regime, prompt, decisions, sale_or_share, signals };
    const text = stringify(adopt(state));
    // What comes out alike is no change.
    if (type === "change" && text === told) return;
    told = text;
    const message = stringify(adopt({ holdfire: 1, type, ...state }));
    // Looked up each time: nothing says that the app was there first.
    shown.webkit?.messageHandlers?.holdfire?.postMessage?.(message);
    shown.holdfireHost?.postMessage?.(message);
  };

  const hear = ({ data }: MessageEvent) => {
    if (typeof data !== "string" || data.length > LONGEST) return;
    const { holdfire, type, view } = parsed(data);
    if (holdfire !== 1) return;
    if (type === "state") tell(type);
    if (type === "show" && (view === "preferences" || view === "banner")) {
      shown.holdfire.show(view);
    }
  };
  // An app that can run a script here needs no more than the window to speak to; frames can speak to
  // it as well, but not in its own name.
  listen(window, "message", (event) => {
    const message = event as MessageEvent;
    if (message.source === window) attempt(() => hear(message));
  });
  shown.holdfireHost?.addEventListener?.("message", (event) => attempt(() => hear(event)));

  // Nobody becomes older by what an app says: the smallest age that was ever told counts.
  const key = `${keyOf(boot.site)}:age`;
  const years = ageIn(`${shown.holdfireNative?.age}`);
  if (years !== null && years < (ageIn(`${local.get(key)}`) ?? Infinity)) {
    local.set(key, `${years}`);
  }

  return { settle: (_: Snapshot) => tell(told ? "change" : "ready") };
};
