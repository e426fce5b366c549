/**
 * `holdfire/verify`: checks a consent token offline, wherever there is Web Cryptography with Ed25519:
 * edge workers, Deno, Bun, Node 20, browsers. Python's `holdfire.verify` is the same, and
 * `tests/vectors/consent-tokens.json` holds the two equal.
 *
 *     const jwks = await (await fetch("https://consent.example/.well-known/jwks.json")).json();
 *     const consent = await verifyConsent(token, jwks, { site: "shop" }).catch(() => null);
 *     if (consent?.allowed("analytics")) fire();
 *
 * The caller fetches the key set, keeps it for as long as its `max-age` says (300 s), and fetches it
 * again for `unknown_key`, but not more often than once in 10 s. Nothing here touches the network.
 *
 * A token is a compact JWS (RFC 7515) by Ed25519 (RFC 8037), read as RFC 8725 advises: one
 * algorithm, one type, and no key but those of the key set.
 */

import { type Consent, consentOf } from "./consent";
import { type KeySet, publicKeys } from "./keySet";
import { Refused } from "./refused";
import { type Members, membersOf, type Octets, octetsOf } from "./spelling";

export type { Consent } from "./consent";
export type { KeySet } from "./keySet";
export { Refused, type RefusedReason } from "./refused";

export interface Expected {
  /** The id of the site. */
  site: string;
  /** Seconds since 1970. Left out, the clock is read. */
  now?: number;
  /** Pins the instance, by its `log_host`; a key set that was fetched from it does so too. */
  issuer?: string;
}

/** Characters of a token: one of 7 services has 1,400, one of 500 has 45,000. */
const LONGEST = 65_536;
/** Characters of its first part; ours have 120. */
const HEADER = 512;
const LIFETIME = 600;
/** Seconds that the clock of the service may be ahead of ours. */
const LEEWAY = 5;
const TYPE = "consent+jwt";

/**
 * Checks one token. Rejects with `Refused`, and with nothing else; who brings none is refused like
 * who brings a bad one.
 */
export const verifyConsent = async (
  token: string | null | undefined,
  jwks: KeySet,
  { site, now = Date.now() / 1000, issuer }: Expected,
): Promise<Consent> => {
  const keys = publicKeys(jwks);
  const [header, payload, signature] = partsOf(token);
  const [named, said, signed] = [header, payload, signature].map((part) =>
    octetsOf(part, "malformed"),
  ) as [Octets, Octets, Octets];
  const key = keyOf(membersOf(named, "malformed"), keys);
  if (!(await signs(key, `${header}.${payload}`, signed))) throw new Refused("signature");
  const consent = consentOf(membersOf(said, "claims"));
  if (issuer !== undefined && consent.issuer !== issuer) throw new Refused("issuer");
  if (consent.site !== site) throw new Refused("site");
  timely(consent, now);
  return consent;
};

const partsOf = (token: unknown): [string, string, string] => {
  const whole = typeof token === "string" && token.length <= LONGEST ? token : "";
  const [, header, payload, signature] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(whole) ?? [];
  if (!header || !payload || !signature || header.length > HEADER) throw new Refused("malformed");
  return [header, payload, signature];
};

/** The key that a header names: by its id alone, whatever else it says of keys. */
const keyOf = (header: Members, keys: ReadonlyMap<string, Octets>): Octets => {
  const { alg, kid, typ } = header;
  if (alg !== "EdDSA") throw new Refused("algorithm");
  if (typ !== TYPE || typeof kid !== "string" || Object.keys(header).length !== 3) {
    throw new Refused("header");
  }
  const key = keys.get(kid);
  if (!key) throw new Refused("unknown_key");
  return key;
};

const signs = async (key: Octets, message: string, signature: Octets): Promise<boolean> => {
  try {
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    const octets = new TextEncoder().encode(message);
    return await crypto.subtle.verify("Ed25519", imported, signature, octets);
  } catch (cause) {
    // What those that know the curve say of octets that are no point on it.
    if ((cause as Error | undefined)?.name === "DataError") return false;
    throw new Refused("unsupported");
  }
};

const timely = ({ issued_at, expires_at }: Consent, now: number): void => {
  const lives = expires_at - issued_at;
  // Each is asked for what has to be so, so that a `now` that is no number refuses.
  if (!(lives > 0 && lives <= LIFETIME)) throw new Refused("lifetime");
  if (!(issued_at <= now + LEEWAY)) throw new Refused("early");
  if (!(now < expires_at)) throw new Refused("expired");
};
