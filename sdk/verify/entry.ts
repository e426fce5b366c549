/**
 * One entry of the log: 128 octets, numbers big-endian.
 *
 *      0   4  "CRL1"
 *      4   1  kind
 *      5   1  flags
 *      6   2  zero
 *      8   8  server time, ms since 1970, UTC, down to the minute
 *     16  16  SHA-256("tenant/v1\n" || site)[:16]; zero for what belongs to no site
 *     32  32  commitment to the evidence; kinds 3 to 6: SHA-256 of a public statement
 *     64  32  commitment to the subject; zero unless kind 1 or 7
 *     96  32  kinds 1, 4, 7: SHA-256 of the configuration; kind 3: index erased, then zero; else zero
 */

import { LARGEST } from "./decimal";
import { sha256 } from "./digest";
import { Malformed } from "./malformed";
import { isZero, numberOf, type Octets, textOf, utf8 } from "./octets";

export const LENGTH = 128;
const MINUTE = 60_000n; // ms
/** The last minute of the year 9999: what is later has no date that people write. */
const LATEST = 253_402_300_740_000n;

export const CHOICE = 1;
export const ERASURE = 3;
export const CONFIG = 4;
export const KEYS = 5;
export const NOTE = 6;
export const IMPORT = 7;
const KINDS = [CHOICE, ERASURE, CONFIG, KEYS, NOTE, IMPORT];

/** The choice came by the browser's outbox, later than it was made. */
export const OUTBOX = 1;
/** The browser's clock was off by more than five minutes. */
export const SKEWED = 2;
/** The click was made by a program. */
export const SYNTHETIC = 4;

export interface Entry {
  readonly kind: number;
  readonly flags: number;
  /** Milliseconds since 1970, UTC, a whole minute. */
  readonly ms: number;
  readonly tenant: Octets;
  readonly evidence: Octets;
  readonly subject: Octets;
  readonly tail: Octets;
}

/** Whether it commits to what a person did, under two salts; all others are public statements. */
export const isPersonal = ({ kind }: Pick<Entry, "kind">): boolean =>
  kind === CHOICE || kind === IMPORT;

/** Reads an entry, with all that its kind has to leave empty. Throws `Malformed`. */
export const readEntry = (octets: Octets): Entry => {
  if (octets.length !== LENGTH) throw new Malformed(`an entry has ${LENGTH} bytes`);
  const at = (from: number, to: number) => octets.slice(from, to);
  if (!isMagic(at(0, 4)) || !isZero(at(6, 8))) throw new Malformed("no entry of this format");
  const [kind = 0, flags = 0] = at(4, 6);
  const ms = numberOf(at(8, 16));
  if (!KINDS.includes(kind)) throw new Malformed(`no kind ${kind} of entry`);
  if (flags > (OUTBOX | SKEWED | SYNTHETIC)) throw new Malformed("a flag that nobody has defined");
  if (ms % MINUTE || ms > LATEST) throw new Malformed("not a whole minute before the year 10000");
  const entry = {
    ...{ kind, flags, ms: Number(ms), tenant: at(16, 32) },
    ...{ evidence: at(32, 64), subject: at(64, 96), tail: at(96, LENGTH) },
  };
  checkEmpty(entry);
  return entry;
};

const isMagic = (octets: Octets): boolean => String.fromCharCode(...octets) === "CRL1";

const checkEmpty = (entry: Entry): void => {
  const { kind, flags, tenant, subject, tail } = entry;
  const configured = isPersonal(entry) || kind === CONFIG;
  if (!isPersonal(entry) && (flags || !isZero(subject)))
    throw new Malformed("flags or a subject where there was no choice");
  if (configured && isZero(tenant)) throw new Malformed("a choice of no site");
  if (!configured && !isZero(tail.subarray(kind === ERASURE ? 8 : 0)))
    throw new Malformed("an end that is not zero");
  if (kind === ERASURE && numberOf(tail.subarray(0, 8)) > LARGEST)
    throw new Malformed("an index that is too large");
};

/** How an entry names a site. */
export const tenantOf = async (site: string): Promise<Octets> =>
  (await sha256(utf8(`tenant/v1\n${site}`))).slice(0, 16);

/** What commits to a block; without the salt nobody can tell it by guessing the block. */
export const commitment = (
  what: "evidence" | "subject",
  salt: Octets,
  block: Octets,
): Promise<Octets> => sha256(utf8(`consent-${what}/v1\n`), salt, block);

/** A block as the JSON object it has to be. Throws `Malformed`. */
export const objectOf = (block: Octets): Record<string, unknown> => {
  try {
    const found: unknown = JSON.parse(textOf(block), refuseHalves);
    if (found && typeof found === "object" && !Array.isArray(found))
      return found as Record<string, unknown>;
  } catch {
    // Said below, like what is JSON and no object.
  }
  throw new Malformed("a block that is no JSON object");
};

/** Half a character has no UTF-8, so that it could be neither hashed nor shown as it is. */
const refuseHalves = (key: string, value: unknown): unknown => {
  if (/\p{Surrogate}/u.test(key) || (typeof value === "string" && /\p{Surrogate}/u.test(value)))
    throw new Malformed("half a character");
  return value;
};
