/** PostHog. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, type Options, reach } from "./adapter";

export const open = (host: Host, options: Options): Part => {
  let started: unknown;
  const line = reach("posthog", (posthog, [[allowed]]) => {
    const loaded = posthog.__loaded;
    // Before its start, what it hears belongs to no project. The stub of its snippet is an array
    // with a start of its own, and hands on what it heard.
    if (!loaded && !(posthog.opt_in_capturing && Array.isArray(posthog))) return false;
    // To tell of what is allowed is no event of the visitor's.
    if (allowed) posthog.opt_in_capturing({ captureEventName: false });
    else posthog.opt_out_capturing();
    if (!loaded || started === posthog) return true;
    // It may be in the midst of its start, which undoes what it hears: once more when that is over.
    queueMicrotask(() => {
      started = posthog;
    });
    return false;
  });
  return adapter(host, options, line, (may) => [[may("analytics")]]);
};
