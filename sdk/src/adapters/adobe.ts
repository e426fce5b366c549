/** The Adobe Experience Platform Web SDK (Alloy). */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, isOpen, type Options, reach } from "./adapter";

interface Adobe extends Options {
  /** Adobe's own standard: "1.0" knows in and out, "2.0" what is collected. */
  readonly version: string;
  /** The name of the instance on the page. */
  readonly instance: string;
}

export const open = (host: Host, options: Adobe): Part => {
  const { version } = options;
  const time = () => new Date(host.now() * 1000).toISOString();
  let heard: unknown;
  const line = reach(options.instance, (alloy, [[allowed]]) => {
    if (heard === allowed) return;
    const value =
      version === "1.0"
        ? { general: allowed ? "in" : "out" }
        : {
            collect: { val: allowed ? "y" : "n" },
            metadata: { time: time() },
          };
    // It refuses to hear anything before it is configured: then it is told at its next use.
    alloy("setConsent", { consent: [{ standard: "Adobe", version, value }] }).then(
      () => {
        heard = allowed;
      },
      () => {},
    );
    return false;
  });
  // What Adobe is told it hears on its servers: nothing, before there is something to tell.
  return adapter(host, options, line, (may, snapshot) =>
    isOpen(snapshot) ? [] : [[may("analytics")]],
  );
};
