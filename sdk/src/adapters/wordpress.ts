/** The WP Consent API of WordPress, which other plug-ins go by. */

import { listen } from "../dom";
import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, type Line, type Options, page, type Said, sells } from "./adapter";

export const open = (host: Host, options: Options): Part => {
  page.wp_consent_type = host.boot.rules.model === "opt_in" ? "optin" : "optout";
  document.dispatchEvent(new CustomEvent("wp_consent_type_defined"));

  let own: unknown;
  let told = new Map<string, string>();
  let last: Said = () => [];
  const say: Line["say"] = (calls) => {
    last = calls;
    // Its own function keeps the cookie, and tells whoever listens. It may come after us.
    if (own !== page.wp_set_consent) told = new Map();
    own = page.wp_set_consent;
    for (const [category, value] of calls() as readonly (readonly [string, string])[]) {
      if (told.get(category) === value) continue;
      if (own) page.wp_set_consent(category, value);
      else {
        // Those who listen look for a member of this name, of what they take for an array.
        const detail = Object.assign([], { [category]: value });
        document.dispatchEvent(new CustomEvent("wp_listen_for_consent_change", { detail }));
      }
      told.set(category, value);
    }
  };
  const again = () => {
    try {
      say(last);
    } catch (cause) {
      host.fail(cause);
    }
  };
  listen(document, "DOMContentLoaded", again);
  listen(window, "load", again);

  return adapter(host, options, { say }, (may, snapshot) =>
    (
      [
        ["functional", true],
        ["preferences", may("functional")],
        ["statistics", may("analytics")],
        ["statistics-anonymous", may("analytics")],
        ["marketing", may("marketing") && sells(host, snapshot)],
      ] as const
    ).map(([category, allowed]) => [category, allowed ? "allow" : "deny"]),
  );
};
