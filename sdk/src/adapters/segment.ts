/** Twilio Segment: every event carries what is allowed, and none leaves while nothing is. */

import type { Host } from "../host";
import type { Part, Table } from "../types";
import { adapter, type Options, permitsEach, reach } from "./adapter";

interface Segment extends Options {
  /** What each of Segment's categories stands for. */
  readonly categories: Table<readonly string[]>;
}

interface Passing {
  payload: { obj: { context?: { consent?: object } } };
  next(payload: unknown): void;
}

export const open = (host: Host, options: Segment): Part => {
  const preferences = () => permitsEach(host, options.categories);
  const stamp = ({ payload, next }: Passing) => {
    const { obj } = payload;
    const categoryPreferences = preferences();
    if (!Object.values(categoryPreferences).includes(true)) return;
    obj.context = { ...obj.context, consent: { categoryPreferences } };
    next(payload);
  };
  let stamped: unknown;
  const line = reach("analytics", (analytics) => {
    // Segment keeps what it is told of each visitor.
    if (stamped === analytics) analytics.track?.("Segment Consent Preference Updated");
    // Its snippet begins with an array, to which its methods come later.
    else if (analytics.addSourceMiddleware) analytics.addSourceMiddleware(stamp);
    else analytics.push(["addSourceMiddleware", stamp]);
    stamped = analytics;
  });
  return adapter(host, options, line, () => [[preferences()]]);
};
