/** HubSpot, by the queue of its privacy settings. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, isOpen, type Line, type Options, queue, sells } from "./adapter";

export const open = (host: Host, options: Options): Part => {
  const say: Line["say"] = (calls) => {
    for (const call of calls()) queue("_hsp").push(call);
  };
  return adapter(host, options, { say }, (may, snapshot) => {
    const analytics = may("analytics");
    const advertisement = may("marketing") && sells(host, snapshot);
    const functionality = may("functional");
    const nothing = !analytics && !advertisement && !functionality;
    return [
      ["setHubSpotConsent", { analytics, advertisement, functionality }],
      // Its cookies go where nothing of it is allowed.
      ...(nothing && !isOpen(snapshot) ? [["revokeCookieConsent"]] : []),
    ];
  });
};
