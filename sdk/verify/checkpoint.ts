/**
 * Checkpoints (C2SP tlog-checkpoint): what a log says of itself at one moment.
 *
 *     example.com/log/2026
 *     20852163
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 */

import { fromBase64 } from "./base64";
import { decimal } from "./decimal";
import { Malformed } from "./malformed";
import type { Octets } from "./octets";

/** The root of a tree without entries: SHA-256 of nothing (RFC 6962 §2.1). */
const EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Octets;
}

/** Reads the text of a note. Lines after the third, which no monitor can check, are refused. */
export const readCheckpoint = (text: string): Checkpoint => {
  const [origin = "", size = "", root = "", end, ...more] = text.split("\n");
  if (end !== "" || more.length) throw new Malformed("a checkpoint has three lines");
  if (!origin) throw new Malformed("no name of a log");
  const found = { origin, size: decimal(size), root: fromBase64(root, 32) };
  if (!found.size && root !== EMPTY) throw new Malformed("another root than that of an empty tree");
  return found;
};
