/** Microsoft Advertising: the UET tag, by its queue. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, granted, type Line, type Options, queue, sells } from "./adapter";

export const open = (host: Host, options: Options): Part => {
  const say: Line["say"] = (calls) => {
    for (const call of calls()) queue("uetq").push(...call);
  };
  say(() => [["consent", "default", { ad_storage: "denied" }]]);
  return adapter(host, options, { say }, (may, snapshot) => [
    ["consent", "update", { ad_storage: granted(may("marketing") && sells(host, snapshot)) }],
  ]);
};
