/**
 * Whether what a receipt says is in a log that the reader's policy trusts. Nobody is asked: a
 * receipt, a policy and arithmetic decide, today and in twenty years.
 *
 * What contradicts comes before what leaves open, but for what cannot be read at all.
 */

import { sha256 } from "./digest";
import { commitment, type Entry, isPersonal, objectOf, tenantOf } from "./entry";
import { isNamed, type Key } from "./key";
import { Malformed } from "./malformed";
import { leafHash, rootFrom } from "./merkle";
import { Contradicted, type Signed, signedBy } from "./note";
import { hex, isZero, type Octets, same } from "./octets";
import { type Policy, readPolicy } from "./policy";
import { type Receipt, readReceipt, UnknownVersion } from "./receipt";
import { Unable } from "./unable";

export type Outcome = "verified" | "refuted" | "undecided";

/** What decided. The words are those of the shared vectors, but for `browser`. */
export type Reason =
  | "verified"
  | "malformed"
  | "evidence"
  | "subject"
  | "contradiction"
  | "inclusion"
  | "unsigned"
  | "signature"
  | "policy"
  | "version"
  | "origin"
  | "quorum"
  | "future"
  | "browser";

/** What the receipt says; proved if, and only if, the outcome is `verified`. */
export interface Claim {
  readonly receipt: Receipt;
  /** The evidence, or the public statement. */
  readonly said: Readonly<Record<string, unknown>>;
  readonly logs: readonly Signed[];
  readonly witnesses: readonly Signed[];
  readonly policy: Policy;
}

export interface Verdict {
  readonly outcome: Outcome;
  readonly reason: Reason;
  /** One sentence for people. */
  readonly why: string;
  /** `null` where nothing of the receipt is to be believed, or even repeated. */
  readonly claim: Claim | null;
}

/** Clocks of others may be ahead of the reader's by as much, in seconds. */
const TOLERANCE = 300;

/**
 * Judges a receipt by a policy, each as the bytes of its file. Never rejects.
 *
 * With `now`, in seconds since 1970, cosignatures of the future do not count, and an entry of the
 * future is left open.
 */
export const judge = async (
  receipt: Octets,
  policy: Octets,
  now: number | null = null,
): Promise<Verdict> => {
  try {
    return await weighed(receipt, policy, now);
  } catch (cause) {
    if (cause instanceof Malformed)
      return refuted("malformed", `The receipt is malformed: ${cause.message}.`);
    if (cause instanceof Contradicted) return refuted("signature", cause.message);
    if (cause instanceof UnknownVersion)
      return open("version", "The receipt is of a version that is not known here.");
    if (cause instanceof Unable) return open("browser", UNABLE);
    // Whatever it was, it proves nothing, and it refutes nothing.
    return open("browser", `This browser could not finish the check: ${cause}.`);
  }
};

const UNABLE = "This browser cannot check the signature.";

const refuted = (reason: Reason, why: string): Verdict => ({
  ...{ outcome: "refuted", reason, why, claim: null },
});

const open = (reason: Reason, why: string, claim: Claim | null = null): Verdict => ({
  ...{ outcome: "undecided", reason, why, claim },
});

const weighed = async (
  octets: Octets,
  policyOctets: Octets,
  now: number | null,
): Promise<Verdict> => {
  let policy: Policy;
  try {
    policy = await readPolicy(policyOctets);
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw cause;
    return open("policy", `The policy cannot be used: ${cause.message}.`);
  }
  const receipt = readReceipt(octets);
  const fault = await contradiction(receipt);
  if (fault) return fault;
  const claim = { receipt, said: objectOf(receipt.evidence.body), policy, logs: [], witnesses: [] };
  return (await misplaced(claim)) ?? (await attested(claim, now));
};

/** What the entry commits to is not what is shown. */
const contradiction = async ({ entry, evidence, subject }: Receipt): Promise<Verdict | null> => {
  const shown = isPersonal(entry)
    ? await commitment("evidence", evidence.salt, evidence.body)
    : await sha256(evidence.body);
  if (!same(shown, entry.evidence))
    return refuted("evidence", "What is shown is not what the entry in the log commits to.");
  if (!subject.body.length) return null;
  const person = await commitment("subject", subject.salt, subject.body);
  if (same(person, entry.subject)) return null;
  return refuted("subject", "The person shown is not the one the entry in the log commits to.");
};

/** The evidence is of another site or configuration than its entry, or the entry in no such tree. */
const misplaced = async ({ receipt, said }: Claim): Promise<Verdict | null> => {
  const { entry, index, leaf, path, checkpoint } = receipt;
  if (isPersonal(entry)) {
    const other = await otherThan(entry, said);
    if (other) return refuted("contradiction", `The entry is of another ${other} than it says.`);
  }
  const root = await rootFrom(index, checkpoint.size, await leafHash(leaf), path);
  if (same(root, checkpoint.root)) return null;
  return refuted("inclusion", "The entry is not in the tree that was signed.");
};

/** What of the evidence is not what the entry says of it. What either leaves out is passed over. */
const otherThan = async (
  entry: Entry,
  { site, shown }: Readonly<Record<string, unknown>>,
): Promise<string | null> => {
  if (typeof site !== "string") throw new Malformed("the evidence names no site");
  if (!same(entry.tenant, await tenantOf(site))) return "site";
  if (isZero(entry.tail) || !isTable(shown) || shown.config === undefined) return null;
  return shown.config === hex(entry.tail) ? null : "configuration";
};

const isTable = (given: unknown): given is Record<string, unknown> =>
  typeof given === "object" && given !== null && !Array.isArray(given);

/** Who has signed, and whether that is enough. */
const attested = async (claim: Claim, now: number | null): Promise<Verdict> => {
  const { policy, receipt } = claim;
  const { origin } = receipt.checkpoint;
  const logs = policy.logs.filter(({ name }) => name === origin);
  if (!logs[0]) return open("origin", "The policy trusts no log of this name.", claim);
  if (!receipt.note.lines.some((line) => logs.some((key) => isNamed(key, line))))
    return refuted("unsigned", "No key that the policy trusts for this log has signed.");
  const signed = await signedBy(receipt.note, [...logs, ...policy.witnesses]);
  const all = {
    ...claim,
    logs: signed.filter(({ time }) => time === null),
    witnesses: signed.filter(({ time }) => time !== null && !isAhead(time, now)),
  };
  if (!policy.isQuorum(all.witnesses.map(({ key }) => key)))
    return open("quorum", "Fewer witnesses have signed than the policy asks for.", all);
  if (isAhead(BigInt(receipt.entry.ms) / 1000n, now))
    return open("future", "The entry is of a time that is still to come.", all);
  return { outcome: "verified", reason: "verified", why: summary(all, logs), claim: all };
};

const isAhead = (seconds: bigint, now: number | null): boolean =>
  now !== null && seconds > BigInt(Math.floor(now) + TOLERANCE);

const summary = ({ receipt, witnesses }: Claim, [log]: readonly Key[]): string => {
  const { index, checkpoint } = receipt;
  const count = new Set(witnesses.map(({ key }) => key)).size;
  const seen = count
    ? `, and ${count} ${count > 1 ? "witnesses" : "witness"} signed that tree`
    : "";
  return `Entry ${index} is in the tree of ${checkpoint.size} entries that ${log?.name} signed${seen}.`;
};
