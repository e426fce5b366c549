/** The TikTok Pixel. What it was told to hold is sent once consent is given, and lost if it is not. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, isOpen, type Options, reach, sells } from "./adapter";

export const open = (host: Host, options: Options): Part => {
  const line = reach("ttq", (ttq, [[method]]) => {
    // Its snippet begins with an array, to which its methods come later.
    if (ttq[method]) ttq[method]();
    else ttq.push([method]);
  });
  return adapter(host, options, line, (may, snapshot) => {
    if (may("marketing") && sells(host, snapshot)) return [["grantConsent"]];
    return [[isOpen(snapshot) ? "holdConsent" : "revokeConsent"]];
  });
};
