/** What a receipt says, as rows for people: a term, and what is said under it. Nothing is drawn. */

import { ERASURE, isPersonal, OUTBOX, SKEWED, SYNTHETIC } from "./entry";
import type { Signed } from "./note";
import { hex, isZero, numberOf, type Octets, textOf } from "./octets";
import type { Claim } from "./verdict";

export interface Row {
  readonly term: string;
  readonly lines: readonly string[];
  /** Digests and the like, which are compared and not read. */
  readonly code?: boolean;
}

/** What anybody may have written: a JSON object, read with care. */
type Said = Readonly<Record<string, unknown>>;

const ACTIONS: Readonly<Record<string, string>> = {
  accept_all: "Accepted all",
  reject_all: "Rejected all",
  save: "Saved a choice",
  opt_out: "Opted out",
  withdraw: "Withdrew permission",
  acknowledge: "Closed the notice",
};

const KINDS: Readonly<Record<number, string>> = {
  1: "A choice",
  3: "An erasure: what was kept of an earlier entry was deleted",
  4: "A configuration that was published",
  5: "A change of the log’s keys or witnesses",
  6: "A note of the operator",
  7: "A choice that was brought in from elsewhere",
};

const MODELS: Readonly<Record<string, string>> = {
  opt_in: "nothing without permission",
  opt_out: "until the visitor opts out",
  notice: "the visitor is informed",
  none: "no rules",
};

/** A moment in seconds since 1970, as a date with its time zone. */
export const moment = (seconds: number, seconds_too = false): string => {
  const time = new Date(seconds * 1000);
  if (Number.isNaN(time.getTime())) return `${seconds} s`;
  const style = { dateStyle: "long", timeStyle: seconds_too ? "medium" : "short" } as const;
  return `${new Intl.DateTimeFormat("en-GB", { ...style, timeZone: "UTC" }).format(time)} UTC`;
};

/** A value as text. Characters that cannot be seen, or that turn others round, are spelt out. */
export const plain = (value: unknown): string =>
  (typeof value === "string" ? value : (JSON.stringify(value) ?? "")).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (hidden) => `\\u{${hidden.codePointAt(0)?.toString(16)}}`,
  );

const tableOf = (value: unknown): Said =>
  typeof value === "object" && value !== null ? (value as Said) : {};

/** A row, unless there is nothing to be told. */
const row = (term: string, lines: unknown, code = false): Row[] => {
  const all = (Array.isArray(lines) ? lines : [lines])
    .filter((one) => one !== undefined && one !== null && one !== "")
    .map(plain);
  return all[0] ? [{ term, lines: all, code }] : [];
};

/** What was recorded, and when. */
export const recorded = ({ receipt, said }: Claim): Row[] => {
  const { entry } = receipt;
  const when = row("When", `${moment(entry.ms / 1000)}, to the minute`);
  if (isPersonal(entry)) return [...act(said, entry.kind), ...when, ...choice(said, entry.flags)];
  const erased = entry.kind === ERASURE && `${numberOf(entry.tail.subarray(0, 8))}`;
  return [
    ...row("What", KINDS[entry.kind]),
    ...when,
    ...row("Entry that was erased", erased || null),
    ...Object.entries(said).flatMap(([term, value]) => row(plain(term), [value])),
  ];
};

const act = ({ site, action, control }: Said, kind: number): Row[] => [
  ...row("Site", site),
  ...row("What", [
    control === "gpc"
      ? "Opted out by the browser’s signal (GPC)"
      : (ACTIONS[plain(action)] ?? action),
    kind === 1 ? null : KINDS[kind],
  ]),
];

const choice = (said: Said, flags: number): Row[] => {
  const categories = [...Object.entries(tableOf(said.categories))];
  const services = [...Object.entries(tableOf(said.services))];
  const pick = (wanted: boolean) =>
    [...categories, ...services].filter(([, value]) => value === wanted).map(([id]) => id);
  const until = typeof said.valid_until === "number" ? moment(said.valid_until) : null;
  return [
    ...row("Allowed", pick(true).join(", ")),
    ...row("Refused", pick(false).join(", ")),
    ...row("Valid until", until),
    ...regime(tableOf(said.regime), tableOf(said.location)),
    ...signals(tableOf(said.signals)),
    ...row("Asked in", said.language),
    ...row("Remarks", remarks(said, flags)),
    ...row("Record", said.event_id, true),
  ];
};

const regime = ({ id, model }: Said, { country, region }: Said): Row[] => {
  const rules = MODELS[plain(model)];
  const place = [country, region].filter(Boolean).map(plain).join("-");
  return row("Law", [
    id === undefined ? null : `${plain(id)}${rules ? `: ${rules}` : ""}`,
    place ? `Place: ${place}` : null,
  ]);
};

const signals = ({ gpc, dnt }: Said): Row[] => {
  const sent = [gpc === true && "Global Privacy Control", dnt === true && "Do Not Track"];
  const said = sent.filter(Boolean).join(", ");
  return gpc === undefined ? [] : row("Signals of the browser", said || "None");
};

const remarks = ({ late, layer }: Said, flags: number): (string | null)[] => [
  flags & OUTBOX ? "It was kept in the browser for a while before it could be sent." : null,
  flags & SKEWED ? "The clock of the browser was wrong by more than five minutes." : null,
  flags & SYNTHETIC ? "The press of the button was made by a program." : null,
  late === true ? "It arrived after a newer act, so it counts only where it refuses." : null,
  layer === 0 ? "It was made by code of the site or by the browser, not on a banner." : null,
];

/** Under what it was made: digests that can be compared with the texts and files themselves. */
export const under = ({ receipt, said }: Claim): Row[] => {
  const { entry } = receipt;
  const shown = tableOf(said.shown);
  const older = shown.current_version !== shown.notice_version && shown.current_version;
  return [
    ...row("Text version", shown.notice_version, true),
    ...row("Newest version at that time", older || null, true),
    ...row("Texts, SHA-256", shown.texts, true),
    ...row(
      "Configuration, SHA-256",
      isZero(entry.tail) || entry.kind === ERASURE ? shown.config : hex(entry.tail),
      true,
    ),
    ...row("Program in the page", shown.sdk, true),
  ];
};

/** Who it was, as far as it is told. */
export const person = ({ receipt: { subject, entry } }: Claim): Row[] => {
  if (!isPersonal(entry)) return [];
  if (!subject.body.length)
    return row("Visitor", "Not shown. It may have been erased; the rest does not depend on it.");
  const { visitor, address_prefix, browser } = readable(subject.body);
  return [
    ...row("Visitor number", visitor, true),
    ...row("Network", address_prefix, true),
    ...row("Browser", browser),
  ];
};

const readable = (body: Octets): Said => {
  try {
    return tableOf(JSON.parse(textOf(body)));
  } catch {
    return { visitor: "A block that cannot be read." };
  }
};

/** Where it stands. */
export const place = ({ receipt: { index, checkpoint, entry } }: Claim): Row[] => [
  ...row("Log", checkpoint.origin),
  ...row("Entry", `${index}, of ${checkpoint.size} at the time of signing`),
  ...row("Root of the tree", hex(checkpoint.root), true),
  ...row("Site in the log", isZero(entry.tenant) ? null : hex(entry.tenant), true),
];

/** Who signed that state of the log, and when. */
export const signers = ({ logs, witnesses, policy, receipt }: Claim): Row[] => {
  const known = logs.length + witnesses.length;
  const others = receipt.note.lines.length - known;
  return [
    ...logs.flatMap(({ key }) => row("Log", [key.name, `key ${hex(key.id)}`])),
    ...witnesses.flatMap(({ key, time }: Signed) =>
      row("Witness", [key.name, `${moment(Number(time), true)}, key ${hex(key.id)}`]),
    ),
    ...row("Your policy asks for", policy.quorum === "none" ? "No witness" : policy.quorum),
    ...row("Not counted", others > 0 ? `${others} of others, or not checked` : null),
  ];
};
