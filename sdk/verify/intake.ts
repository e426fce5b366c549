/** What the reader hands in: a receipt and a policy, as files or as text. */

import type { Octets } from "./octets";
import { utf8 } from "./octets";

export type Slot = "receipt" | "policy";

/** Four times what any receipt has; what is longer is not even read. */
const LONGEST = 1 << 22;

export interface Given {
  readonly name: string;
  readonly octets: Octets;
}

/** Reads a file. Rejects with words for people. */
export const fromFile = async (file: File): Promise<Given> => {
  if (file.size > LONGEST) throw new Error("This file is too large for a receipt or a policy.");
  try {
    return { name: file.name, octets: new Uint8Array(await file.arrayBuffer()) };
  } catch {
    throw new Error("This file cannot be read.");
  }
};

/** What was pasted. A copy often lacks the last line’s end, which belongs to both formats. */
export const fromText = (text: string): Given => ({
  name: "what you pasted",
  octets: utf8(text.endsWith("\n") ? text : `${text}\n`),
});

/** Which of the two it is: receipts of every version begin alike. */
export const slotOf = ({ octets }: Given): Slot =>
  String.fromCharCode(...octets.subarray(0, 21)) === "c2sp.org/tlog-proof@v" ? "receipt" : "policy";
