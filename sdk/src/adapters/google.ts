/** Google Consent Mode v2: gtag.js and Tag Manager, by their data layer. */

import type { Host } from "../host";
import type { Part } from "../types";
import {
  adapter,
  type Call,
  granted,
  type Line,
  type Options,
  page,
  queue,
  sells,
} from "./adapter";

interface Google extends Options {
  /** What is said before anything else: the default that denies, and settings. */
  readonly defaults: readonly Call[];
  /** Defaults of single regions. */
  readonly regional: readonly Call[];
}

const gtag: (...call: unknown[]) => void = function () {
  // biome-ignore lint/complexity/noArguments: Google's tags pass over anything else, an array too.
  queue("dataLayer").push(arguments);
};

export const open = (host: Host, options: Google): Part => {
  const { defaults, regional } = options;
  const say: Line["say"] = (calls) => {
    for (const call of calls()) gtag(...call);
  };
  // The stub of the snippet may have said them already, before any tag. Said late, they are void.
  if (page.holdfire?.google !== true) {
    say(() => defaults);
    if (!host.signals().gpc) say(() => regional);
  }
  return adapter(host, options, { say }, (may, snapshot) => {
    const ads = granted(may("marketing") && sells(host, snapshot));
    const own = granted(may("functional"));
    return [
      [
        "consent",
        "update",
        {
          ad_storage: ads,
          ad_user_data: ads,
          ad_personalization: ads,
          analytics_storage: granted(may("analytics")),
          functionality_storage: own,
          personalization_storage: own,
          security_storage: "granted",
        },
      ],
    ];
  });
};
