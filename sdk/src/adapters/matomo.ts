/** Matomo, by its queue. What it would remember by itself it is never asked to. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, isOpen, type Line, type Options, queue } from "./adapter";

interface Matomo extends Options {
  /** Whether it may count without cookies before consent. */
  readonly cookies_only: boolean;
}

export const open = (host: Host, options: Matomo): Part => {
  const what = options.cookies_only ? "CookieConsent" : "Consent";
  let yes: unknown;
  queue("_paq").push([`require${what}`]);
  const say: Line["say"] = (calls) => {
    const waiting = queue("_paq");
    // Of what waits for it to load, it may hear a refusal first and an earlier consent after it.
    const at = Array.isArray(waiting) ? waiting.indexOf(yes) : -1;
    if (at >= 0) (waiting as unknown as unknown[]).splice(at, 1);
    for (const call of calls()) {
      yes = call;
      waiting.push(call);
    }
  };
  // To forget, it keeps a cookie: not before somebody has said something.
  return adapter(host, options, { say }, (may, snapshot) =>
    may("analytics") ? [[`set${what}Given`]] : isOpen(snapshot) ? [] : [[`forget${what}Given`]],
  );
};
