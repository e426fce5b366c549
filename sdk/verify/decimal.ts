/** Decimal numbers of the formats: sizes, indexes and times. */

import { Malformed } from "./malformed";

/** What tlog-cosignature allows for a time. A log has no more entries than that either. */
export const LARGEST = 2n ** 63n - 1n;

/** ASCII digits without a sign and without zeroes before them. Throws `Malformed`. */
export const decimal = (text: string): bigint => {
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(text)) throw new Malformed("not a decimal number");
  const number = BigInt(text);
  if (number > LARGEST) throw new Malformed("a number that is too large");
  return number;
};
