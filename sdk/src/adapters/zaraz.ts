/** Cloudflare Zaraz, by its own purposes. */

import { listen } from "../dom";
import type { Host } from "../host";
import type { Part, Table } from "../types";
import { adapter, type Line, type Options, page, permitsEach } from "./adapter";

interface Zaraz extends Options {
  /** What each of Zaraz's purposes stands for. */
  readonly purposes: Table<readonly string[]>;
}

export const open = (host: Host, options: Zaraz): Part => {
  let due: Parameters<Line["say"]>[0] | undefined;
  const tell = () => {
    const consent = page.zaraz?.consent;
    if (!due || !consent?.set) return;
    const said = due;
    consent.set(...(said()[0] ?? []));
    if (due === said) due = undefined;
  };
  // It says when it is there.
  listen(document, "zarazConsentAPIReady", () => {
    try {
      tell();
    } catch (cause) {
      host.fail(cause);
    }
  });
  const say: Line["say"] = (calls) => {
    due = calls;
    tell();
  };
  return adapter(host, options, { say }, () => [[permitsEach(host, options.purposes)]]);
};
