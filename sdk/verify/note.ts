/**
 * Signed notes (C2SP signed-note): a text that ends in a newline, a blank line, and signatures.
 *
 *     — example.com/log base64(key id, 4 octets || signature)
 */

import { fromBase64 } from "./base64";
import { LARGEST } from "./decimal";
import { verifies } from "./ed25519";
import { COSIGNATURE, isName, isNamed, type Key, SIGNATURE, signedMessage } from "./key";
import { Malformed } from "./malformed";
import { numberOf, type Octets } from "./octets";

/** Four times what every reader has to take. */
const MOST = 64;

/** One line: who says to have signed, and with what. */
export interface Line {
  readonly name: string;
  readonly id: Octets;
  readonly rest: Octets;
}

export interface Note {
  /** With its last newline: what was signed. */
  readonly text: string;
  readonly lines: readonly Line[];
}

/** A signature that was checked. `time` is in seconds since 1970, and `null` for a log's own. */
export interface Signed {
  readonly key: Key;
  readonly time: bigint | null;
}

/** A key that is trusted signed something else. */
export class Contradicted extends Error {
  override name = "Contradicted";
}

/** Reads a note. Throws `Malformed`. */
export const readNote = (whole: string): Note => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: notes must not have any
  if (/[\0-\t\v-\x1f]/.test(whole)) throw new Malformed("a control character");
  const blank = whole.lastIndexOf("\n\n");
  if (blank < 0) throw new Malformed("no blank line before the signatures");
  const lines = whole.slice(blank + 2).split("\n");
  if (lines.pop() !== "") throw new Malformed("the last line does not end");
  if (!lines[0]) throw new Malformed("no signature");
  if (lines.length > MOST) throw new Malformed("too many signatures");
  return { text: whole.slice(0, blank + 1), lines: lines.map(readLine) };
};

const readLine = (line: string): Line => {
  const [dash, name = "", encoded = "", ...more] = line.split(" ");
  if (dash !== "—" || more.length || !isName(name)) throw new Malformed("no signature line");
  const octets = fromBase64(encoded);
  if (octets.length < 5) throw new Malformed("a signature that is too short");
  return { name, id: octets.slice(0, 4), rest: octets.slice(4) };
};

/**
 * The signatures of known keys, all of which have to be good: one that is not throws
 * `Contradicted`, and a browser that cannot check one throws `Unable`. Lines of others say nothing.
 */
export const signedBy = async (note: Note, keys: readonly Key[]): Promise<Signed[]> => {
  const found: Signed[] = [];
  for (const line of note.lines) {
    for (const key of keys) if (isNamed(key, line)) found.push(await checked(note, line, key));
  }
  return found;
};

const checked = async ({ text }: Note, { rest }: Line, key: Key): Promise<Signed> => {
  const time = key.type === COSIGNATURE ? numberOf(rest.subarray(0, 8)) : null;
  const signature = key.type === SIGNATURE ? rest : rest.slice(8);
  const possible = time === null || time <= LARGEST;
  if (!possible || !(await verifies(key.point, signedMessage(text, time), signature)))
    throw new Contradicted(`The signature of ${key.name} is not good.`);
  return { key, time };
};
