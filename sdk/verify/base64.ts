/** Base 64 (RFC 4648 §4) as the formats want it: each value is written in exactly one way. */

import { Malformed } from "./malformed";
import type { Octets } from "./octets";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Map([...ALPHABET].map((digit, value) => [digit, value]));

/**
 * Reads canonical base 64: padded, nothing between the digits, and zero in the bits that carry no
 * data (§3.5). Throws `Malformed`, also where `length` octets are wanted and there are not as many.
 */
export const fromBase64 = (text: string, length?: number): Octets => {
  const digits = text.replace(/={1,2}$/, "");
  const spare = text.length - digits.length;
  if (text.length % 4) throw new Malformed("base 64 of a wrong length");
  const octets = new Uint8Array((text.length / 4) * 3 - spare);
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    const value = VALUES.get(digit);
    if (value === undefined) throw new Malformed("not base 64");
    held = (held << 6) | value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    octets[at++] = held >> bits;
    held &= (1 << bits) - 1;
  }
  if (held) throw new Malformed("base 64 that is not canonical");
  if (length !== undefined && octets.length !== length)
    throw new Malformed(`${octets.length} bytes where ${length} belong`);
  return octets;
};
