/** Ed25519 (RFC 8032) by the browser, which not every browser can. */

import type { Octets } from "./octets";
import { Unable } from "./unable";

const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Little-endian, as the curve has it. */
const scalar = (octets: Octets): bigint =>
  octets.reduceRight((sum, octet) => (sum << 8n) | BigInt(octet), 0n);

/** The y of the points of small order: keys under which anything passes for signed. */
const EIGHTH = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL = [0n, 1n, FIELD - 1n, EIGHTH, FIELD - EIGHTH];

/**
 * Whether it can be a point at all, in the one way there is to write it. Browsers differ in what
 * they take beyond RFC 8032 §5.1.3 and Web Cryptography, and a verdict must not depend on them.
 */
const isPoint = (octets: Octets): boolean => {
  const y = scalar(octets) & (2n ** 255n - 1n);
  return y < FIELD && !SMALL.includes(y);
};

/** Whether the key signed the message. Rejects with `Unable` where the browser cannot tell. */
export const verifies = async (
  point: Octets,
  message: Octets,
  signature: Octets,
): Promise<boolean> => {
  if (signature.length !== 64 || !isPoint(point) || !isPoint(signature.slice(0, 32))) return false;
  if (scalar(signature.slice(32)) >= ORDER) return false;
  const { subtle } = crypto;
  try {
    const key = await subtle.importKey("raw", point, "Ed25519", false, ["verify"]);
    return await subtle.verify("Ed25519", key, signature, message);
  } catch (cause) {
    // What a browser that knows the curve says of octets that are no point on it.
    if ((cause as Error | undefined)?.name === "DataError") return false;
    throw new Unable("Ed25519");
  }
};
