/** The Reddit Pixel. All that it can be told at run time is whether it may keep cookies. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, type Options, reach, sells } from "./adapter";

export const open = (host: Host, options: Options): Part => {
  const line = reach("rdt", (rdt, [call]) => rdt(...call));
  return adapter(host, options, line, (may, snapshot) => {
    const allowed = may("marketing") && sells(host, snapshot);
    return [[`${allowed ? "enable" : "disable"}FirstPartyCookies`]];
  });
};
