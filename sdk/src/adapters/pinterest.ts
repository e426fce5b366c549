/** The Pinterest tag, which clears its first-party cookies where consent is refused. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, type Options, reach, sells } from "./adapter";

export const open = (host: Host, options: Options): Part => {
  const line = reach("pintrk", (pintrk, [call]) => pintrk(...call));
  return adapter(host, options, line, (may, snapshot) => [
    ["setconsent", may("marketing") && sells(host, snapshot)],
  ]);
};
