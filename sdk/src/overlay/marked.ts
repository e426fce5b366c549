/** What became of one marked element, and why. */

import type { Seen } from "../debug/index";
import { matches } from "../dom";
import type { Host } from "../host";
import { HELD_TYPE } from "../script";
import type { Decision } from "../types";

/**
 * "held", nobody said yes; "refused", somebody or something said no; "waiting", allowed and not yet
 * released; "loose", not held although it should be, by a fault of the markup; "gone", taken away.
 */
export type Fate = "running" | "held" | "refused" | "waiting" | "loose" | "gone";

const REFUSALS = /^(choice_denied|gpc|dnt|minor)$/;
/** By these it loads, and under `data-` it is held. */
const ADDRESSES = ["src", "srcset", "href", "data"];

/** The decision that an element's marks amount to: the category's no, else the service's word. */
export const decisionOf = (host: Host, marked: Element): Decision => {
  const category = marked.getAttribute("data-category");
  const service = marked.getAttribute("data-service") ?? "";
  const ofCategory = category === null ? null : host.decision(category);
  if (ofCategory?.allow === false) return ofCategory;
  const known = host.boot.services.some(({ id }) => id === service);
  return (known ? null : ofCategory) ?? host.decision(service);
};

/** Whether it loads by itself, whatever is decided. */
const isLoose = (marked: Element): boolean =>
  marked instanceof HTMLScriptElement
    ? marked.type !== HELD_TYPE
    : !matches(marked, "template") && ADDRESSES.some((name) => marked.hasAttribute(name));

export const fateOf = (host: Host, { released }: Seen, marked: Element): [Fate, string] => {
  const allowed = host.permits(marked);
  const { reason } = decisionOf(host, marked);
  if (released.has(marked)) {
    return ["running", allowed ? reason : `${reason}; it runs until the page is left`];
  }
  if (!marked.isConnected) return ["gone", "the page took it away"];
  const script = marked instanceof HTMLScriptElement;
  if (isLoose(marked) && (script || !allowed)) {
    return [
      "loose",
      script ? `its type is not ${HELD_TYPE}: it ran by itself` : "its address is not under data-",
    ];
  }
  if (allowed) {
    return script ? ["waiting", `${reason}; an earlier one is still loading`] : ["running", reason];
  }
  return [REFUSALS.test(reason) ? "refused" : "held", reason];
};

/** Its tag and its address, or that it has none. */
export const nameOf = (marked: Element): string => {
  const address = ADDRESSES.flatMap((name) => [
    marked.getAttribute(`data-${name}`),
    marked.getAttribute(name),
  ]).find(Boolean);
  return `<${marked.localName}> ${address ?? "inline"}`;
};
