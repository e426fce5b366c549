import type { Snapshot } from "./types";

/** Denials that take back what services have kept: those that somebody asked for. */
const REFUSALS = /^(choice_denied|gpc|dnt|minor)$/;

/**
 * Whether a service has to give back what it keeps: it is refused, or was allowed in the `last`
 * snapshot and is not any more. Who never said no keeps what they have.
 */
export const isRefused = (id: string, now: Snapshot, last: Snapshot | null): boolean => {
  const decision = now.services[id];
  return (
    decision?.allow === false &&
    (last?.services[id]?.allow === true || REFUSALS.test(decision.reason))
  );
};
