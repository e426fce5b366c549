/**
 * Policies (C2SP tlog-policy): which logs and witnesses are trusted, and how many witnesses it takes.
 *
 *     log example.com/log/2026+4d3c2b1a+AbC…
 *     witness first w1.example+…
 *     witness second w2.example+…
 *     group both all first second
 *     quorum both
 */

import { decimal } from "./decimal";
import { COSIGNATURE, type Key, readKey, SIGNATURE } from "./key";
import { Malformed } from "./malformed";
import { type Octets, same, textOf } from "./octets";

export interface Policy {
  readonly logs: readonly Key[];
  readonly witnesses: readonly Key[];
  /** Whether these witnesses are enough. */
  isQuorum(seen: readonly Key[]): boolean;
  /** What the quorum is, spelt out for people: "none", or "2 of (w1, w2, 1 of (w3, w4))". */
  readonly quorum: string;
}

interface Rule {
  readonly isMet: (seen: readonly Key[]) => boolean;
  readonly text: string;
}

/** What has been defined by the lines so far. */
interface Draft {
  readonly logs: Key[];
  readonly witnesses: Key[];
  readonly rules: Map<string, Rule>;
  readonly members: Set<string>;
  quorum: Rule | null;
}

/** Ten times the logs, witnesses and groups that every reader has to take. */
const MOST = 1_000;

/** Reads a policy. Throws `Malformed`. */
export const readPolicy = async (octets: Octets): Promise<Policy> => {
  const draft: Draft = {
    logs: [],
    witnesses: [],
    rules: new Map([["none", { isMet: () => true, text: "none" }]]),
    members: new Set(),
    quorum: null,
  };
  const lines = latin(octets).split("\n");
  if (lines.pop() !== "") throw new Malformed("the last line does not end");
  if (lines.length >= MOST) throw new Malformed("too many lines");
  for (const [at, line] of lines.entries()) {
    const words = line.split(/[ \t]+/).filter(Boolean);
    if (!words[0] || words[0].startsWith("#")) continue;
    try {
      await define(draft, words);
    } catch (cause) {
      throw cause instanceof Malformed ? new Malformed(`line ${at + 1}: ${cause.message}`) : cause;
    }
  }
  const { logs, witnesses, quorum } = draft;
  if (quorum === null) throw new Malformed("no line says the quorum");
  return { logs, witnesses, isQuorum: quorum.isMet, quorum: quorum.text };
};

/** One character for each octet: names are opaque, and not to be read as any script. */
const latin = (octets: Octets): string => {
  const text = Array.from(octets, (octet) => String.fromCharCode(octet)).join("");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: policies must not have any
  if (/[\0-\x08\v-\x1f\x7f]/.test(text)) throw new Malformed("a control character");
  return text;
};

/** A key's name is UTF-8, as it stands in notes. */
const keyOf = (word: string, type: number): Promise<Key> =>
  readKey(textOf(Uint8Array.from(word, (character) => character.charCodeAt(0))), type);

const define = async (draft: Draft, [kind, ...words]: readonly string[]): Promise<void> => {
  const { length } = words;
  const [first = "", second = ""] = words;
  if (kind === "log" && length >= 1 && length <= 2) {
    add(draft.logs, await keyOf(first, SIGNATURE));
  } else if (kind === "witness" && length >= 2 && length <= 3) {
    const key = await keyOf(second, COSIGNATURE);
    add(draft.witnesses, key);
    name(draft, first, { isMet: (seen) => seen.includes(key), text: key.name });
  } else if (kind === "group" && length >= 3) {
    name(draft, first, group(draft, second, words.slice(2)));
  } else if (kind === "quorum" && length === 1) {
    if (draft.quorum !== null) throw new Malformed("a second quorum");
    const rule = draft.rules.get(first);
    if (!rule) throw new Malformed("a quorum that is not defined above");
    draft.quorum = rule;
  } else {
    throw new Malformed("not a line of a policy");
  }
};

const add = (keys: Key[], key: Key): void => {
  if (keys.some(({ point }) => same(point, key.point))) throw new Malformed("a key given twice");
  keys.push(key);
};

const name = ({ rules }: Draft, given: string, rule: Rule): void => {
  if (rules.has(given)) throw new Malformed("a name given twice");
  rules.set(given, rule);
};

/** Each name is a member once, so that no witness counts in two ways. */
const group = ({ rules, members }: Draft, threshold: string, names: readonly string[]): Rule => {
  const parts = names.map((one) => {
    const rule = one === "none" ? undefined : rules.get(one);
    if (!rule) throw new Malformed("a member that is not defined above");
    if (members.has(one)) throw new Malformed("a member of two groups");
    members.add(one);
    return rule;
  });
  const all = parts.length;
  const needed = threshold === "any" ? 1 : threshold === "all" ? all : Number(decimal(threshold));
  if (needed < 1 || needed > all) throw new Malformed("a threshold that its members cannot meet");
  return {
    isMet: (seen) => parts.filter(({ isMet }) => isMet(seen)).length >= needed,
    text: `${needed} of (${parts.map(({ text }) => text).join(", ")})`,
  };
};
