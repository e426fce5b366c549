/** Bytes, and the two ways in which the formats write them as text. */

import { Malformed } from "./malformed";

export type Octets = Uint8Array<ArrayBuffer>;

/** All of them, one after the other. */
export const join = (...parts: readonly Octets[]): Octets => {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

export const same = (one: Octets, other: Octets): boolean =>
  one.length === other.length && one.every((octet, at) => octet === other[at]);

export const isZero = (octets: Octets): boolean => octets.every((octet) => octet === 0);

/** Lower-case hex, two digits an octet. */
export const hex = (octets: Octets): string =>
  [...octets].map((octet) => octet.toString(16).padStart(2, "0")).join("");

/** An unsigned number, its greatest octet first. */
export const numberOf = (octets: Octets): bigint =>
  octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);

/** The octets of a text as UTF-8. */
export const utf8 = (text: string): Octets => new TextEncoder().encode(text) as Octets;

/** Reads UTF-8; a mark of byte order is a character like any other. */
export const textOf = (octets: Octets): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    throw new Malformed("not UTF-8");
  }
};
