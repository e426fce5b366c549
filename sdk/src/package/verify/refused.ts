/** Why a token is refused. The first that applies is told, and they are looked for in this order. */
export type RefusedReason =
  /** What was given as the key set is none. */
  | "key_set"
  /** Not three parts in base64url, or too long; or a header that is no JSON object. */
  | "malformed"
  /** Signed by anything but EdDSA, or by nothing. */
  | "algorithm"
  /** Of another type, or with a member that is not known: `crit`, `jwk`, `jku`, `x5u`. */
  | "header"
  /** By a key that the key set has not, or no longer. */
  | "unknown_key"
  /** Not signed by that key. */
  | "signature"
  /** Signed, and not what a consent token says. */
  | "claims"
  /** Of another instance. */
  | "issuer"
  /** For another site. */
  | "site"
  /** Said to live longer than 600 s. */
  | "lifetime"
  /** Issued more than 5 s from now. */
  | "early"
  /** Run out. */
  | "expired"
  /** This JavaScript cannot check Ed25519: nothing is known of the token. */
  | "unsupported";

/** The token grants nothing. */
export class Refused extends Error {
  override name = "Refused";
  readonly reason: RefusedReason;

  constructor(reason: RefusedReason) {
    super(`the consent token is refused: ${reason}`);
    this.reason = reason;
  }
}
