/** A JSON Web Key Set (RFC 7517), as far as it is of use here. */

import { Refused } from "./refused";
import { isMembers, type Octets, octetsOf } from "./spelling";

/** The body of `GET /.well-known/jwks.json`, as text or decoded. */
export type KeySet = string | { readonly keys: readonly object[] };

/** The public keys by their ids. Keys of other kinds or uses are left out, as RFC 7517 §5 says. */
export const publicKeys = (given: KeySet): Map<string, Octets> => {
  const found = decoded(given);
  if (!isMembers(found) || !Array.isArray(found.keys)) throw new Refused("key_set");
  const usable = new Map<string, Octets>();
  for (const key of found.keys as readonly unknown[]) {
    if (!isMembers(key)) throw new Refused("key_set");
    const { kty, crv, kid, x, alg = "EdDSA", use = "sig" } = key;
    if (kty !== "OKP" || crv !== "Ed25519" || alg !== "EdDSA" || use !== "sig") continue;
    if (typeof kid !== "string" || typeof x !== "string" || !/^[\w-]{43}$/.test(x)) continue;
    usable.set(kid, octetsOf(x, "key_set"));
  }
  return usable;
};

const decoded = (given: KeySet): unknown => {
  if (typeof given !== "string") return given;
  try {
    return JSON.parse(given);
  } catch {
    throw new Refused("key_set");
  }
};
