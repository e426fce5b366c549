/** Microsoft Clarity, by the stub of its own snippet, which keeps one that is there. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, granted, type Line, type Options, page, sells } from "./adapter";

/** As Clarity's snippet has it: each call is an arguments object in the queue `q`. */
const makeStub = () => {
  const stub = function () {
    // biome-ignore lint/complexity/noArguments: what Clarity takes over when it loads.
    stub.q.push(arguments);
  };
  stub.q = [] as unknown[];
  return stub;
};

export const open = (host: Host, options: Options): Part => {
  if (typeof page.clarity !== "function") page.clarity = makeStub();
  const say: Line["say"] = (calls) => {
    for (const call of calls()) page.clarity(...call);
  };
  return adapter(host, options, { say }, (may, snapshot) => [
    [
      "consentv2",
      {
        ad_Storage: granted(may("marketing") && sells(host, snapshot)),
        analytics_Storage: granted(may("analytics")),
      },
    ],
  ]);
};
