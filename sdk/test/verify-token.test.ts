/** `holdfire/verify`: what an edge worker that holds a consent token may believe, offline. */

import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import fc from "fast-check";
import { exportJWK, generateKeyPair, importJWK, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { type Consent, type KeySet, Refused, verifyConsent } from "../src/package/verify/index";

interface Case {
  name: string;
  token: string;
  jwks?: string;
  site?: string;
  now?: number;
  issuer?: string | null;
}

/** What every verifier must agree on; `tests/consent_token_vectors.py` says how it is written. */
const VECTORS: {
  site: string;
  issuer: string;
  now: number;
  key_sets: Record<string, KeySet>;
  good: readonly (Case & { consent: Record<string, unknown> })[];
  refused: readonly (Case & { reason: string })[];
} = JSON.parse(
  readFileSync(new URL("../../tests/vectors/consent-tokens.json", import.meta.url), "utf8"),
);

const ours = VECTORS.key_sets.ours as KeySet;
const judged = ({ token, jwks = "ours", site, now, issuer = VECTORS.issuer }: Case) =>
  verifyConsent(token, VECTORS.key_sets[jwks] as KeySet, {
    site: site ?? VECTORS.site,
    now: now ?? VECTORS.now,
    ...(issuer === null ? {} : { issuer }),
  });
/** Why it is refused, or "good". Anything that is thrown but `Refused` is a failure. */
const reasonOf = async (judging: Promise<Consent>): Promise<string> => {
  try {
    await judging;
    return "good";
  } catch (cause) {
    if (cause instanceof Refused) return cause.reason;
    throw cause;
  }
};
const said = (consent: Consent) =>
  JSON.parse(JSON.stringify(consent, (_, one) => (typeof one === "function" ? undefined : one)));
const GOOD = VECTORS.good[0] as Case;
const NOW = VECTORS.now;

describe("the shared vectors", () => {
  test.each(VECTORS.good.map((one) => [one.name, one] as const))("good: %s", async (_, one) => {
    expect(said(await judged(one))).toEqual(one.consent);
  });

  test.each(VECTORS.refused.map((one) => [`${one.reason}: ${one.name}`, one] as const))(
    "refused for %s",
    async (_, one) => {
      expect(await reasonOf(judged(one))).toBe(one.reason);
    },
  );
});

describe("a token", () => {
  test("allows what it names, and nothing else", async () => {
    const consent = await judged(GOOD);
    expect(["analytics", "posthog", "ga4", "marketing"].map(consent.allowed)).toEqual([
      ...[true, true, false, false],
    ]);
    for (const id of ["", "unknown", "constructor", "__proto__", "toString"]) {
      expect(consent.decision(id)).toEqual({ allow: false, reason: "unknown_service" });
    }
  });

  test("is held to the clock where no time is given", async () => {
    expect(await reasonOf(verifyConsent(GOOD.token, ours, { site: "shop" }))).toMatch(
      /^(early|expired)$/,
    );
    expect(await reasonOf(verifyConsent(GOOD.token, ours, { site: "shop", now: Number.NaN }))).toBe(
      "early",
    );
  });

  test("that is none is refused like a bad one, as is a key set", async () => {
    for (const none of [null, undefined, 1, {}, [GOOD.token]]) {
      const judging = verifyConsent(none as string, ours, { site: "shop", now: NOW });
      expect(await reasonOf(judging)).toBe("malformed");
    }
    for (const none of [null, undefined, 1, "", "[]", "null", { keys: [null] }, { keys: [[]] }]) {
      const judging = verifyConsent(GOOD.token, none as string, { site: "shop", now: NOW });
      expect(await reasonOf(judging)).toBe("key_set");
    }
    const fetched = JSON.stringify(ours);
    expect(await reasonOf(verifyConsent(GOOD.token, fetched, { site: "shop", now: NOW }))).toBe(
      "good",
    );
  });

  test("is refused wherever one letter of it is another", async () => {
    const letter = fc.constantFrom(..."ABCXYZabcxyz0189-_.=+/ \n\0é");
    await fc.assert(
      fc.asyncProperty(fc.nat(GOOD.token.length - 1), letter, async (at, other) => {
        const token = GOOD.token.slice(0, at) + other + GOOD.token.slice(at + 1);
        const found = await reasonOf(judged({ ...GOOD, token }));
        expect(found === "good").toBe(token === GOOD.token);
      }),
      { numRuns: 1_000 },
    );
  });

  test("is no text by chance", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (token) => {
        expect(await reasonOf(judged({ ...GOOD, token }))).toBe("malformed");
      }),
    );
  });

  test("is unsupported where Ed25519 is unknown, and grants nothing", async () => {
    const { importKey } = crypto.subtle;
    crypto.subtle.importKey = () =>
      Promise.reject(new DOMException("Unrecognized algorithm name", "NotSupportedError"));
    try {
      expect(await reasonOf(judged(GOOD))).toBe("unsupported");
    } finally {
      crypto.subtle.importKey = importKey;
    }
  });
});

describe("an independent library", () => {
  const { consent: _, ...first } = VECTORS.good[0] as (typeof VECTORS.good)[0];
  const claimsOf = (token: string): JWTPayload =>
    JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

  test("verifies what ours verifies", async () => {
    const [, newest] = (ours as { keys: object[] }).keys;
    const { payload, protectedHeader } = await jwtVerify(
      first.token,
      await importJWK(newest as object, "EdDSA"),
      {
        algorithms: ["EdDSA"],
        audience: "shop",
        issuer: VECTORS.issuer,
        typ: "consent+jwt",
        currentDate: new Date(NOW * 1000),
      },
    );
    expect(payload).toEqual(claimsOf(first.token));
    expect(protectedHeader.kid).toBe((newest as { kid: string }).kid);
  });

  test("makes what ours verifies, and ours refuses what it makes otherwise", async () => {
    const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "theirs" }] };
    const made = (header: object, claims: object = {}) =>
      new SignJWT({ ...claimsOf(first.token), ...claims })
        .setProtectedHeader({ alg: "EdDSA", typ: "consent+jwt", kid: "theirs", ...header })
        .sign(privateKey);
    const found = async (header: object, claims?: object) =>
      reasonOf(
        verifyConsent(await made(header, claims), jwks, { site: VECTORS.site, now: VECTORS.now }),
      );

    expect(await found({})).toBe("good");
    expect(await found({ alg: "Ed25519" })).toBe("algorithm");
    expect(await found({ typ: "JWT" })).toBe("header");
    expect(await found({ kid: "other" })).toBe("unknown_key");
    expect(await found({}, { aud: ["shop"] })).toBe("claims");
    expect(await found({}, { aud: "other" })).toBe("site");
    expect(await found({}, { exp: NOW - 1 })).toBe("expired");
  });
});

describe("where it runs", () => {
  test("it needs Web Cryptography and text coding, and nothing of browsers or Node", async () => {
    const { outputFiles } = await build({
      entryPoints: [new URL("../src/package/verify/index.ts", import.meta.url).pathname],
      bundle: true,
      format: "iife",
      globalName: "verify",
      platform: "neutral",
      target: "es2020",
      write: false,
    });
    // An edge worker: the globals of the language, and these.
    const edge = createContext({ crypto, atob, btoa, TextEncoder, TextDecoder, Uint8Array });
    runInContext(outputFiles[0]?.text ?? "", edge);
    const given = JSON.stringify([GOOD.token, ours, { site: "shop", now: NOW }]);
    const allowed = runInContext(
      `verify.verifyConsent(...${given}).then((consent) => consent.allowed("analytics"))`,
      edge,
    );
    expect(await allowed).toBe(true);
  });
});
