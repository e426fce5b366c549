import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBase64 } from "../verify/base64";
import { readCheckpoint } from "../verify/checkpoint";
import { decimal } from "../verify/decimal";
import { sha256 } from "../verify/digest";
import { verifies } from "../verify/ed25519";
import { commitment, readEntry, tenantOf } from "../verify/entry";
import { COSIGNATURE, type Key, readKey, SIGNATURE } from "../verify/key";
import { Malformed } from "../verify/malformed";
import { leafHash, rootFrom } from "../verify/merkle";
import { Contradicted, readNote, signedBy } from "../verify/note";
import { hex, type Octets, textOf, utf8 } from "../verify/octets";
import { readPolicy } from "../verify/policy";
import { readReceipt, UnknownVersion } from "../verify/receipt";
import { judge, type Verdict } from "../verify/verdict";

/** What every reader of the log must agree on; `tests/ledger_vectors.py` says how it is written. */
const VECTORS = JSON.parse(
  readFileSync(new URL("../../tests/vectors/ledger.json", import.meta.url), "utf8"),
);

const octets = (text64: string): Octets => new Uint8Array(Buffer.from(text64, "base64"));
const base64 = (given: Octets): string => Buffer.from(given).toString("base64");

/** What it gives, or "malformed" where it throws that, and nothing else. */
const orMalformed = async <T>(read: () => T | Promise<T>): Promise<T | "malformed"> => {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof Malformed) return "malformed";
    throw cause;
  }
};

const policies = new Map<string, Octets>(
  VECTORS.policies.map((one: { name: string; policy64: string }) => [
    one.name,
    octets(one.policy64),
  ]),
);

interface Judged {
  name: string;
  receipt64: string;
  policy: string;
  now: number | null;
  outcome: string;
  reason: string;
}
const RECEIPTS: readonly Judged[] = VECTORS.receipts;

/** One that tells everything, under a policy that knows every key on it. */
const whole = RECEIPTS.find(({ name }) => name === "2 witnesses for all") as Judged;
const WHOLE = octets(whole.receipt64);
const POLICY = policies.get(whole.policy) as Octets;

describe("the shared vectors", () => {
  test.each(RECEIPTS.map((one) => [one.name, one] as const))("receipt: %s", async (_, one) => {
    const policy = policies.get(one.policy) as Octets;
    const { outcome, reason } = await judge(octets(one.receipt64), policy, one.now);
    expect({ outcome, reason }).toEqual({ outcome: one.outcome, reason: one.reason });
  });

  test("entries", async () => {
    for (const { name, entry64, ok, ...fields } of VECTORS.entries) {
      const found = await orMalformed(() => readEntry(octets(entry64)));
      if (!ok) expect(found, name).toBe("malformed");
      else if (found !== "malformed")
        expect(
          {
            ...{ kind: found.kind, flags: found.flags, ms: `${found.ms}` },
            tenant64: base64(found.tenant),
            evidence64: base64(found.evidence),
            subject64: base64(found.subject),
            tail64: base64(found.tail),
          },
          name,
        ).toEqual(fields);
      else expect.fail(name);
    }
  });

  test("commitments, hashes of statements, and names of sites", async () => {
    for (const { kind, salt64, block64, hash64 } of VECTORS.commitments) {
      const block = octets(block64);
      const hashes: Record<string, () => Promise<Octets>> = {
        statement: () => sha256(block),
        tenant: () => tenantOf(textOf(block)),
      };
      const hash = hashes[kind] ?? (() => commitment(kind, octets(salt64), block));
      expect(base64(await hash()), kind).toBe(hash64);
    }
  });

  test("base 64 and numbers", async () => {
    for (const { text, base64: canonical, decimal: number } of VECTORS.scalars) {
      if (canonical !== undefined) {
        const found = await orMalformed(() => base64(fromBase64(text)));
        expect(found, text).toBe(canonical ? text : "malformed");
      }
      if (number !== undefined) {
        const found = await orMalformed(() => `${decimal(text)}`);
        expect(found, text).toBe(number ? text : "malformed");
      }
    }
  });

  test("inclusion in the tree", async () => {
    for (const { index, size, leaf64, path64, root64, ok } of VECTORS.inclusions) {
      const root = await orMalformed(() =>
        rootFrom(BigInt(index), BigInt(size), octets(leaf64), path64.map(octets)),
      );
      expect(root !== "malformed" && base64(root) === root64, `${index} of ${size}`).toBe(ok);
    }
  });

  test("keys", async () => {
    for (const { vkey, ok, name, id, type, public64 } of VECTORS.keys) {
      const read = await Promise.all(
        [SIGNATURE, COSIGNATURE].map((wanted) => orMalformed(() => readKey(vkey, wanted))),
      );
      const [found, ...others] = read.filter((one): one is Key => one !== "malformed");
      expect(others, vkey).toEqual([]);
      expect(found !== undefined, vkey).toBe(ok !== false);
      if (found)
        expect([found.name, hex(found.id), found.type, base64(found.point)]).toEqual([
          name,
          id,
          type,
          public64,
        ]);
    }
  });

  test("signatures of Ed25519", async () => {
    for (const { public64, message64, signature64, ok } of VECTORS.signatures) {
      const found = await verifies(octets(public64), octets(message64), octets(signature64));
      expect(found, signature64).toBe(ok);
    }
  });

  test("signed notes", async () => {
    for (const { note64, keys, signed } of VECTORS.notes) {
      const known = await Promise.all(keys.map(keyOf));
      const told = await signersOf(octets(note64), known);
      // Where nobody who is known has signed, a note says nothing.
      expect(told[0] ? told : null, note64).toEqual(signed);
    }
  });

  test("checkpoints", async () => {
    for (const { text64, ok, origin, size, root64 } of VECTORS.checkpoints) {
      const found = await orMalformed(() => readCheckpoint(textOf(octets(text64))));
      if (!ok) expect(found, text64).toBe("malformed");
      else if (found === "malformed") expect.fail(text64);
      else
        expect([found.origin, `${found.size}`, base64(found.root)]).toEqual([origin, size, root64]);
    }
  });

  test("policies, and which witnesses are enough for them", async () => {
    for (const { name, policy64, ok, met } of VECTORS.policies) {
      const policy = await orMalformed(() => readPolicy(octets(policy64)));
      expect(policy !== "malformed", name).toBe(ok);
      for (const { cosigned, ok: enough } of met ?? []) {
        if (policy === "malformed") continue;
        const keys = policy.witnesses.filter((key) => cosigned.includes(key.name));
        expect(policy.isQuorum(keys), `${name}: ${cosigned}`).toBe(enough);
      }
    }
  });
});

/** A key of whichever type it is. */
const keyOf = (vkey: string): Promise<Key> =>
  readKey(vkey, SIGNATURE).catch(() => readKey(vkey, COSIGNATURE));

/** Whose signatures on a note hold, and when they were made; nobody's on one that is no note. */
const signersOf = async (note: Octets, known: readonly Key[]) => {
  try {
    const found = await signedBy(readNote(textOf(note)), known);
    return found.map(({ key: { name }, time }) => ({
      name,
      time: time === null ? null : `${time}`,
    }));
  } catch (cause) {
    expect(cause instanceof Malformed || cause instanceof Contradicted).toBe(true);
    return [];
  }
};

const isReadable = (receipt: Octets): boolean => {
  try {
    return Boolean(readReceipt(receipt));
  } catch {
    return false;
  }
};

describe("a receipt that was touched", () => {
  /**
   * Every bit of a receipt of which the policy knows every key. What cannot be read any more is
   * refuted by `judge` before it asks anything else, and is not handed to it.
   */
  test("is not verified, whichever bit of it was flipped", async () => {
    expect((await judge(WHOLE, POLICY)).outcome).toBe("verified");
    const flips = Array.from({ length: WHOLE.length * 8 }, (_, bit) => {
      const flipped = WHOLE.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return flipped;
    });
    const readable = flips.filter(isReadable);
    // More than a third stays well formed, and is judged by what it says.
    expect(readable.length).toBeGreaterThan(flips.length / 3);
    const verdicts: Verdict[] = [];
    for (let at = 0; at < readable.length; at += 256)
      verdicts.push(
        ...(await Promise.all(readable.slice(at, at + 256).map((one) => judge(one, POLICY)))),
      );
    expect(verdicts.filter(({ outcome }) => outcome === "verified")).toEqual([]);
  }, 60_000);

  test("is refuted wherever it was cut off, and whatever follows it", async () => {
    for (let length = 0; length < WHOLE.length; length++) {
      const { outcome } = await judge(WHOLE.slice(0, length), POLICY);
      expect(outcome, `${length}`).not.toBe("verified");
    }
    for (let octet = 0; octet < 256; octet++) {
      const { outcome } = await judge(new Uint8Array([...WHOLE, octet]), POLICY);
      expect(outcome, `${octet}`).toBe("refuted");
    }
  }, 60_000);

  test("is not verified with any of its lines left out, doubled or swapped", async () => {
    const lines = textOf(WHOLE).split("\n");
    const verdicts: Verdict[] = [];
    const reckon = async (...changed: string[]) =>
      verdicts.push(await judge(utf8(changed.join("\n")), POLICY));
    for (const [at, line] of lines.entries()) {
      const rest = lines.slice(at + 1);
      // A signature that is given twice says no more than once, and no less.
      if (!line.startsWith("—")) await reckon(...lines.slice(0, at), line, line, ...rest);
      await reckon(...lines.slice(0, at), ...rest);
      const [next, ...others] = rest;
      if (next !== undefined && !(line.startsWith("—") && next.startsWith("—")))
        await reckon(...lines.slice(0, at), next, line, ...others);
    }
    expect(verdicts.filter(({ outcome }) => outcome === "verified")).toEqual([]);
  });
});

describe("hostile input", () => {
  /** Bytes, text, and a real receipt or policy with a piece of it replaced. */
  const hostile = (real: Octets) =>
    fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.string({ unit: "binary", maxLength: 400 }).map((text) => Buffer.from(text)),
      fc
        .record({
          at: fc.nat(real.length),
          length: fc.nat(200),
          put: fc.oneof(
            fc.uint8Array({ maxLength: 100 }),
            fc
              .constantFrom("\n", "\n\n", " ", "\r\n", "+", "=", "—", "9".repeat(99), "\0")
              .map(Buffer.from),
          ),
        })
        .map(({ at, length, put }) =>
          Buffer.concat([real.subarray(0, at), put, real.subarray(at + length)]),
        ),
    );
  const own = (given: Uint8Array): Octets => new Uint8Array(given);

  test("is read or is malformed, and no reader throws anything else", async () => {
    await fc.assert(
      fc.asyncProperty(hostile(WHOLE), hostile(POLICY), async (receipt, policy) => {
        await orMalformed(() => readPolicy(own(policy)));
        for (const read of [readReceipt, readEntry]) {
          try {
            read(own(receipt));
          } catch (cause) {
            expect(cause instanceof Malformed || cause instanceof UnknownVersion).toBe(true);
          }
        }
        const text = Buffer.from(receipt).toString("latin1");
        for (const read of [readNote, readCheckpoint, fromBase64, decimal])
          await orMalformed<unknown>(() => read(text));
        await orMalformed(() => readKey(text, SIGNATURE));
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  test("is never verified, as a receipt, unless it is the receipt", async () => {
    await fc.assert(
      fc.asyncProperty(hostile(WHOLE), async (given) => {
        const { outcome } = await judge(own(given), POLICY);
        expect(outcome === "verified").toBe(Buffer.from(given).equals(WHOLE));
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  test("is never verified by a policy that does not name the log and reach its quorum", async () => {
    await fc.assert(
      fc.asyncProperty(hostile(POLICY), async (given) => {
        const { outcome, reason } = await judge(WHOLE, own(given));
        expect(reason).not.toBe("browser");
        if (outcome !== "verified") return;
        const policy = await readPolicy(own(given));
        expect(policy.logs.map(({ name }) => name)).toContain("consent.example/log/2026");
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  test("written in base 64 or decimal reads back as it was, in one way only", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (given) => {
        const text = base64(own(given));
        expect(base64(fromBase64(text))).toBe(text);
        expect(() => fromBase64(`${text}\n`)).toThrow(Malformed);
        expect(() => fromBase64(`${text}=`)).toThrow(Malformed);
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (number) => {
        expect(decimal(`${number}`)).toBe(number);
        expect(() => decimal(`0${number}`)).toThrow(Malformed);
      }),
    );
  });
});

/** A tree by the definition of RFC 6962 §2.1, and the path of §2.1.1. */
const tree = async (leaves: readonly Octets[]): Promise<Octets> => {
  const [only] = leaves;
  if (only && leaves.length === 1) return leafHash(only);
  const half = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  const halves = [await tree(leaves.slice(0, half)), await tree(leaves.slice(half))];
  return sha256(new Uint8Array([1]), ...halves);
};
const pathTo = async (index: number, leaves: readonly Octets[]): Promise<Octets[]> => {
  if (leaves.length === 1) return [];
  const half = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  const [left, right] = [leaves.slice(0, half), leaves.slice(half)];
  return index < half
    ? [...(await pathTo(index, left)), await tree(right)]
    : [...(await pathTo(index - half, right)), await tree(left)];
};

test("every leaf of every small tree leads to its root, and to no other place", async () => {
  for (let size = 1; size <= 20; size++) {
    const leaves = Array.from({ length: size }, (_, at) => utf8(`leaf ${at}`));
    const root = hex(await tree(leaves));
    for (const [at, leaf] of leaves.entries()) {
      const path = await pathTo(at, leaves);
      const hash = await leafHash(leaf);
      for (let index = 0; index <= size; index++) {
        const found = await orMalformed(() => rootFrom(BigInt(index), BigInt(size), hash, path));
        expect(found !== "malformed" && hex(found) === root, `${index} ${at} ${size}`).toBe(
          index === at,
        );
      }
    }
  }
});

describe("a browser that cannot check", () => {
  const without = async (broken: Partial<SubtleCrypto> | null): Promise<Verdict> => {
    const { subtle } = globalThis.crypto;
    const lent = broken && {
      digest: subtle.digest.bind(subtle),
      importKey: subtle.importKey.bind(subtle),
      verify: subtle.verify.bind(subtle),
      ...broken,
    };
    Object.defineProperty(globalThis.crypto, "subtle", { value: lent, configurable: true });
    try {
      return await judge(WHOLE, POLICY);
    } finally {
      Reflect.deleteProperty(globalThis.crypto, "subtle");
    }
  };
  const throws = (name: string) => async () => {
    throw new DOMException("no", name);
  };

  test.each([
    ["has no cryptography, as on plain http", null],
    ["does not know Ed25519", { importKey: throws("NotSupportedError") as never }],
    ["knows its name and no more", { verify: throws("OperationError") as never }],
    ["throws what nobody expects", { digest: throws("UnknownError") as never }],
  ])("leaves it undecided where it %s", async (_, broken) => {
    const verdict = await without(broken);
    expect(verdict).toMatchObject({ outcome: "undecided", reason: "browser", claim: null });
    expect(verdict.why).toContain("This browser");
  });

  test("still refutes what contradicts itself", async () => {
    const { subtle } = globalThis.crypto;
    expect(subtle).toBeDefined();
    const touched = utf8(textOf(WHOLE).replace("extra Q1JM", "extra Q1JN"));
    expect((await judge(touched, POLICY)).outcome).toBe("refuted");
  });
});
