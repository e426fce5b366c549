/**
 * Receipts: files `.tlog-proof` (C2SP tlog-proof) whose extra data opens what the entry commits to.
 *
 *     c2sp.org/tlog-proof@v1
 *     extra base64(entry[128] || salt[32] || u16 n || evidence || salt[32] || u16 m || subject)
 *     index 737
 *     <inclusion hashes, one a line>
 *
 *     <checkpoint, signatures of the log and of witnesses>
 */

import { fromBase64 } from "./base64";
import { type Checkpoint, readCheckpoint } from "./checkpoint";
import { decimal } from "./decimal";
import { type Entry, isPersonal, LENGTH, readEntry } from "./entry";
import { Malformed } from "./malformed";
import { type Note, readNote } from "./note";
import { isZero, numberOf, type Octets, textOf } from "./octets";

/** The first line of what is read here; other versions have another number. */
const VERSION = /^c2sp\.org\/tlog-proof@v([0-9]+)$/;
const SALT = 32;
/** The longest blocks, and as many signatures and hashes as there can be, are a quarter of it. */
const LONGEST = 1 << 20;

/** A file of another version: nothing can be said of it. */
export class UnknownVersion extends Error {
  override name = "UnknownVersion";
}

/** What an entry commits to, as it was stored; its octets and never what they mean are hashed. */
export interface Block {
  readonly salt: Octets;
  readonly body: Octets;
}

export interface Receipt {
  readonly index: bigint;
  readonly path: readonly Octets[];
  readonly leaf: Octets;
  readonly entry: Entry;
  readonly evidence: Block;
  /** Empty once the person was erased. */
  readonly subject: Block;
  readonly note: Note;
  readonly checkpoint: Checkpoint;
}

/** Reads a receipt. Throws `Malformed`, or `UnknownVersion`. */
export const readReceipt = (octets: Octets): Receipt => {
  checkVersion(octets);
  if (octets.length > LONGEST) throw new Malformed("too long for a receipt");
  const text = textOf(octets);
  const blank = text.indexOf("\n\n");
  if (blank < 0) throw new Malformed("no blank line before the checkpoint");
  const [, extra = "", index = "", ...path] = text.slice(0, blank).split("\n");
  const note = readNote(text.slice(blank + 2));
  return {
    ...readExtra(fromBase64(after("extra", extra))),
    index: decimal(after("index", index)),
    path: path.map((line) => fromBase64(line, 32)),
    note,
    checkpoint: readCheckpoint(note.text),
  };
};

/** Of another version nothing but this line can be read. */
const checkVersion = (octets: Octets): void => {
  const line = String.fromCharCode(...octets.subarray(0, 64)).split("\n", 1)[0] ?? "";
  const [, version] = VERSION.exec(line) ?? [];
  if (version === undefined) throw new Malformed("not a receipt");
  if (version !== "1") throw new UnknownVersion(line);
};

const after = (word: string, line: string): string => {
  if (!line.startsWith(`${word} `)) throw new Malformed(`no line that says ${word}`);
  return line.slice(word.length + 1);
};

type Extra = Pick<Receipt, "leaf" | "entry" | "evidence" | "subject">;

const readExtra = (octets: Octets): Extra => {
  let at = 0;
  const take = (length: number): Octets => {
    at += length;
    if (at > octets.length) throw new Malformed("the extra data ends too early");
    return octets.slice(at - length, at);
  };
  const block = (): Block => {
    const salt = take(SALT);
    return { salt, body: take(Number(numberOf(take(2)))) };
  };
  const leaf = take(LENGTH);
  const found = { leaf, entry: readEntry(leaf), evidence: block(), subject: block() };
  if (at !== octets.length) throw new Malformed("more than the extra data has to hold");
  checkBlocks(found);
  return found;
};

/** What there is to say is shown; a public statement has neither a salt nor a person. */
const checkBlocks = ({ entry, evidence, subject }: Extra): void => {
  const secret = !isZero(evidence.salt) || !isZero(subject.salt) || subject.body.length > 0;
  if (!evidence.body.length) throw new Malformed("nothing is shown of what the entry commits to");
  if (!subject.body.length && !isZero(subject.salt)) throw new Malformed("a salt without a block");
  if (!isPersonal(entry) && secret) throw new Malformed("a public statement with a secret");
};
