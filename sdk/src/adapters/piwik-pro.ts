/** Piwik PRO, by the stub of its own snippet, which hands each call on to its data layer. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, isOpen, type Line, type Options, page, queue } from "./adapter";

interface Piwik extends Options {
  /** The name of its data layer. */
  readonly data_layer: string;
}

/** Its types of consent, each by the kind of use that it is. */
const TYPES = {
  analytics: "analytics",
  ab_testing_and_personalization: "functional",
  user_feedback: "functional",
  conversion_tracking: "marketing",
  marketing_automation: "marketing",
  remarketing: "marketing",
} as const;

const unheard = () => {};

export const open = (host: Host, options: Piwik): Part => {
  page.ppms ??= {};
  const { ppms } = page;
  ppms.cm ??= {};
  ppms.cm.api ??= (name: string, ...parameters: unknown[]) =>
    queue(options.data_layer).push({ event: `ppms.cm:${name}`, parameters });
  const say: Line["say"] = (calls) => {
    for (const call of calls()) ppms.cm.api(...call, unheard, unheard);
  };
  const types = Object.entries(TYPES);
  return adapter(host, options, { say }, (may, snapshot) => {
    if (isOpen(snapshot)) {
      return [["setInitialComplianceSettings", { consents: Object.keys(TYPES) }]];
    }
    const consents = types.map(([type, kind]) => [type, { status: Number(may(kind)) }]);
    return [["setComplianceSettings", { consents: Object.fromEntries(consents) }]];
  });
};
