/** What a consent token says of one visitor: PROTOCOL.md §5. */

import type { Decision, Reason, Table } from "../../types";
import { Refused } from "./refused";
import { isMembers, type Members } from "./spelling";

/** Members as in Python's `holdfire.verify`. Times are seconds since 1970, UTC. */
export interface Consent {
  site: string;
  issuer: string;
  issued_at: number;
  expires_at: number;
  regime: string;
  notice_version: string;
  categories: Table<Decision>;
  services: Table<Decision>;
  sale_or_share: Decision;
  gpc: boolean;
  dnt: boolean | null;
  /** This and the next three are of the newest act, all `null` before there is one. */
  visitor: string | null;
  seq: number | null;
  log: string | null;
  log_index: number | null;
  /** Of a category or service, by its id. */
  decision(id: string): Decision;
  /** Whether a category or service may fire. What is not known may not. */
  allowed(id: string): boolean;
  /** Why it may or may not. */
  reason(id: string): Reason;
}

const UNKNOWN: Decision = Object.freeze({ allow: false, reason: "unknown_service" });

/** Reads the claims, each of its type. Members that are not known are ignored (RFC 7519 §4). */
export const consentOf = (claims: Members): Consent => {
  const { signals } = claims;
  if (!isMembers(signals)) throw new Refused("claims");
  const categories = decisions(claims.categories);
  const services = decisions(claims.services);
  const decision = (id: string) => categories[id] ?? services[id] ?? UNKNOWN;
  return Object.freeze({
    site: text(claims.aud),
    issuer: text(claims.iss),
    issued_at: whole(claims.iat),
    expires_at: whole(claims.exp),
    regime: text(claims.regime),
    notice_version: text(claims.notice_version),
    categories,
    services,
    sale_or_share: decided(claims.sale_or_share),
    gpc: truth(signals.gpc),
    dnt: signals.dnt === null ? null : truth(signals.dnt),
    ...act(claims),
    decision,
    allowed: (id: string) => decision(id).allow,
    reason: (id: string) => decision(id).reason,
  });
};

/** Of the newest act all is said, or nothing. */
const act = ({ sub = null, seq = null, log = null, log_index = null }: Members) =>
  [sub, seq, log, log_index].every((one) => one === null)
    ? { visitor: null, seq: null, log: null, log_index: null }
    : { visitor: text(sub), seq: whole(seq), log: text(log), log_index: whole(log_index) };

/** Without a prototype, so that no id is a builtin's. */
const decisions = (found: unknown): Table<Decision> => {
  if (!isMembers(found)) throw new Refused("claims");
  const table: Table<Decision> = Object.create(null);
  for (const [id, one] of Object.entries(found)) table[id] = decided(one);
  return Object.freeze(table);
};

const decided = (found: unknown): Decision => {
  if (!isMembers(found)) throw new Refused("claims");
  return Object.freeze({ allow: truth(found.allow), reason: text(found.reason) as Reason });
};

const of =
  <T>(kind: "string" | "number" | "boolean") =>
  (found: unknown): T => {
    if (typeof found !== kind) throw new Refused("claims");
    return found as T;
  };
const text = of<string>("string");
/** The JSON was read to hold no other numbers. */
const whole = of<number>("number");
const truth = of<boolean>("boolean");
