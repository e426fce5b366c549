/** What there is to say, as rows of text. Nothing here draws. */

import type { Seen } from "../debug/index";
import type { Host } from "../host";
import { keys } from "../natives";
import { attempt } from "../shape";
import type { Decision, Signals } from "../types";
import { fateOf, nameOf } from "./marked";

export interface Row {
  name: string;
  /** What it is like, shown by a colour and by this word. */
  state?: string;
  /** More of it, each on a line of its own. */
  more?: readonly string[];
  /** It belongs to the row above. */
  below?: boolean;
  /** Where on the page it is. */
  at?: Element;
}

const date = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");

const said = ({ gpc, dnt }: Signals): string =>
  `GPC ${gpc ? "on" : "off"}, DNT ${dnt === null ? "not said" : dnt ? "on" : "off"}`;

/** The standing choice, without the pseudonym, which a snapshot never has. */
const choiceOf = (host: Host): string[] => {
  const { prior } = host.snapshot();
  if (!prior) return ["none"];
  const named = keys(prior.categories).map((id) => `${prior.categories[id] ? "+" : "−"}${id}`);
  const services = keys(prior.services).map((id) => `${prior.services[id] ? "+" : "−"}${id}`);
  return [
    `${prior.action}${prior.by_signal ? ", by GPC itself" : ""}`,
    [...named, ...services].join(" "),
    `made ${date(prior.recorded_at)}`,
    `lasts to ${date(prior.valid_until)}`,
    prior.notice_version === host.boot.version ? "" : `under notice ${prior.notice_version}`,
    prior.left_on.length > 0 ? `left on, no consent: ${prior.left_on.join(" ")}` : "",
  ].filter(Boolean);
};

export const now = (host: Host): Row[] => {
  const { boot } = host;
  const { rules } = boot;
  const { prompt, signals, opt_out_status } = host.snapshot();
  const age = host.age();
  return [
    { name: "Regime", more: [`${rules.regime}, ${rules.model}`] },
    { name: "Prompt", more: [prompt] },
    { name: "Signals", more: [said(signals)] },
    ...(opt_out_status === "required" ? [{ name: "Opt-out status", more: ["to be shown"] }] : []),
    ...(age === null ? [] : [{ name: "Age", more: [`${age}`] }]),
    { name: "Choice", more: choiceOf(host) },
    { name: "Site", more: [`${boot.site}, in ${boot.language}`] },
    { name: "Notice", more: [boot.version] },
    { name: "Build", more: [boot.sdk] },
    { name: "Service", more: [host.base || "unknown"] },
  ];
};

export const decisions = (host: Host): Row[] => {
  const { categories, services, sale_or_share } = host.snapshot();
  const row = (name: string, one: Decision | undefined, below = false): Row => ({
    name,
    state: one?.allow ? "allowed" : "denied",
    more: [one?.reason ?? ""],
    below,
  });
  return [
    ...keys(categories).flatMap((id) => [
      row(id, categories[id]),
      ...host.boot.services
        .filter(({ category }) => category === id)
        .map((service) => row(service.id, services[service.id], true)),
    ]),
    row("sale or share", sale_or_share),
  ];
};

export const elements = (host: Host, seen: Seen): Row[] =>
  [...seen.marked].map((marked) => {
    const [state, why] = fateOf(host, seen, marked);
    const marks = ["category", "service"].flatMap(
      (kind) => marked.getAttribute(`data-${kind}`) ?? [],
    );
    return {
      name: nameOf(marked),
      state,
      more: [marks.join(" / "), why],
      ...(marked.isConnected && !marked.matches("script,template,link") ? { at: marked } : {}),
    };
  });

export const held = (_: Host, seen: Seen): Row[] =>
  seen.held.map(({ cause, name, service, report }) => ({
    name,
    state: report ? "reported" : "held",
    more: [`${cause}, ${service ?? "no known service"}`],
  }));

/** What was told to tags, as far as the page has it: the parts, and Google's data layer. */
export const told = (host: Host): Row[] => {
  const layer = (window as { dataLayer?: unknown }).dataLayer;
  const entries = attempt(() =>
    [...(layer as Iterable<ArrayLike<unknown>>)].filter((one) => one?.[0] === "consent"),
  );
  return [
    ...host.inlined.parts.map(([name, options]) => ({
      name,
      more: [JSON.stringify(options)].filter((text) => text !== "{}"),
    })),
    ...(entries ?? []).map((one) => ({
      name: `dataLayer: consent ${String(one[1])}`,
      more: [attempt(() => JSON.stringify(one[2])) ?? ""],
      below: true,
    })),
  ];
};
