import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encode } from "../src/act/encode";
import { decode, newer, reconcile, type Standing } from "../src/standing";
import { payload, SITE, tokenOf, VERSION } from "./boot";
import { openPage, turn } from "./page";

const KEY = `holdfire:${SITE}`;
const NOW = 1_800_000_000;

const cookie = (given = payload(), name = `__Host-holdfire_${SITE}`) =>
  `${name}=${tokenOf(given)}${name.startsWith("__") ? "; Path=/; Secure" : ""}`;
const allowed = async (setup: Parameters<typeof openPage>[0]) =>
  (await openPage(setup)).holdfire.allowed("analytics");

describe("what an earlier page has kept", () => {
  test("is found in local storage", async () => {
    expect(await allowed({ local: { [KEY]: JSON.stringify(payload()) } })).toBe(true);
  });

  test("is found in the cookie when the storage was cleared", async () => {
    expect(await allowed({ cookie: cookie() })).toBe(true);
  });

  test.each([
    "",
    "null",
    "[]",
    "{",
    '"yes"',
    "{}",
    JSON.stringify({ ...payload(), c: { analytics: true } }),
    JSON.stringify({ ...payload(), c: { analytics: "1" } }),
    JSON.stringify({ ...payload(), c: 1 }),
    JSON.stringify({ ...payload(), a: 1 }),
    JSON.stringify({ ...payload(), t: "now" }),
    JSON.stringify({ ...payload(), u: null }),
    '{"__proto__": {"c": {"analytics": 1}}}',
    "x".repeat(1_000_000),
  ])("counts as nothing when it is %.40s", async (text) => {
    expect(await allowed({ local: { [KEY]: text } })).toBe(false);
  });

  test("counts as nothing when anybody could have planted the cookie", async () => {
    expect(await allowed({ cookie: cookie(payload(), `holdfire_${SITE}`) })).toBe(false);
    expect(await allowed({ cookie: cookie(payload(), `__Secure-holdfire_${SITE}`) })).toBe(false);
  });

  test("is read from the plain cookie over plain http, where no other can be", async () => {
    const plain = { url: "http://localhost/", cookie: cookie(payload(), `holdfire_${SITE}`) };
    expect(await allowed(plain)).toBe(true);
  });

  test("counts as nothing when there are two cookies of the name", async () => {
    const name = `holdfire_${SITE}`;
    const before = `const jar = ${JSON.stringify(`${cookie(payload(), name)}; ${cookie(payload(), name)}`)};
      Object.defineProperty(Document.prototype, "cookie", { get: () => jar, set() {}, configurable: true });`;
    expect(await allowed({ url: "http://localhost/", before })).toBe(false);
  });

  test("lapses with its time and with its notice, wherever it was kept", async () => {
    const old = payload({ t: 1_000_000_000, u: 1_015_552_000 });
    expect(await allowed({ cookie: cookie(old) })).toBe(false);
    expect(await allowed({ cookie: cookie(payload({ n: "fedcba9876543210" })) })).toBe(false);
  });

  test("is overruled by the act with the higher number", async () => {
    const refusal = payload({
      q: 2,
      a: "withdraw",
      c: { functional: 0, analytics: 0, marketing: 0 },
    });
    const local = { [KEY]: JSON.stringify(payload()) };
    expect(await allowed({ local, cookie: cookie(refusal) })).toBe(false);
    expect(await allowed({ local, cookie: cookie({ ...refusal, q: 0 }) })).toBe(true);
  });
});

describe("a page whose storage is blocked", () => {
  const blocked = `for (const name of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(window, name, { get() { throw new Error("blocked"); } });
  }`;

  test("starts strict, and remembers an act while it lives", async () => {
    const { holdfire, errors } = await openPage({ before: blocked });
    expect(holdfire.allowed("analytics")).toBe(false);
    holdfire.acceptAll();
    expect(holdfire.allowed("analytics")).toBe(true);
    expect(errors).toEqual([]);
  });

  test("sends the act all the same", async () => {
    const { holdfire, requests } = await openPage({ before: blocked });
    holdfire.rejectAll();
    await turn();
    expect(requests.map(({ body }) => body?.action)).toEqual(["reject_all"]);
  });
});

test("a page that clears its storage does not thereby take back a refusal", async () => {
  const { holdfire, window, document } = await openPage();
  holdfire.acceptAll();
  holdfire.rejectAll();
  window.localStorage.clear();
  document.dispatchEvent(new window.Event("visibilitychange"));
  expect(holdfire.decision("analytics").reason).toBe("choice_denied");
});

// ---------------------------------------------------------------- which of two counts

const standing = (more: Partial<Standing> = {}): Standing => ({
  visitor: "v",
  seq: 1,
  event_id: "",
  pending: false,
  action: "save",
  categories: { analytics: true },
  services: {},
  shown_services: ["ga4"],
  notice_version: VERSION,
  recorded_at: NOW,
  valid_until: NOW + 1_000,
  gpc_noticed: false,
  dnt_noticed: false,
  by_signal: false,
  left_on: [],
  age: null,
  ...more,
});

describe("of two standing choices", () => {
  test("the service's number decides, not the clock", () => {
    const second = standing({ seq: 2, recorded_at: NOW - 100 });
    expect(newer(standing(), second)).toBe(second);
    expect(newer(second, standing())).toBe(second);
  });

  test("the one made after the other was known is newer, though it has no number yet", () => {
    const pending = standing({ pending: true, recorded_at: NOW - 100 });
    expect(newer(standing(), pending)).toBe(pending);
  });

  test("a refusal beats a grant of the same moment", () => {
    const refusal = standing({ visitor: "w", categories: { analytics: false } });
    expect(newer(standing(), refusal)).toBe(refusal);
    expect(newer(refusal, standing())).toBe(refusal);
  });

  test("a refusal counts in either while their order is unknown", () => {
    const own = standing({ pending: true, categories: { analytics: true, marketing: false } });
    const other = standing({ seq: 2, categories: { analytics: false, marketing: true } });
    expect({ ...reconcile(own, other)?.categories }).toEqual({
      analytics: false,
      marketing: false,
    });
  });
});

const anyStanding = fc
  .record({
    seq: fc.nat(5),
    pending: fc.boolean(),
    visitor: fc.constantFrom("", "v", "w"),
    event_id: fc.constantFrom("", "a", "b"),
    recorded_at: fc.integer({ min: NOW - 5, max: NOW }),
    categories: fc.dictionary(fc.constantFrom("analytics", "marketing"), fc.boolean()),
    services: fc.dictionary(fc.constantFrom("ga4", "pixel"), fc.boolean()),
    gpc_noticed: fc.boolean(),
    dnt_noticed: fc.boolean(),
    age: fc.option(fc.nat(120)),
  })
  .map(standing);

test("what is written is what is read", () => {
  fc.assert(
    fc.property(anyStanding, (written) => {
      const read = decode(encode(written), [], NOW);
      expect(JSON.parse(JSON.stringify(read))).toEqual(written);
    }),
  );
});

test("nothing that is read is well-formed by accident", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(decode(text, [], NOW)).toBeNull();
    }),
  );
});

test("a time ahead of the clock is taken as now", () => {
  const ahead = encode(standing({ recorded_at: NOW + 99_999 }));
  expect(decode(ahead, [], NOW)?.recorded_at).toBe(NOW);
});

test("an unconfirmed act never grants what the cookie refuses", () => {
  fc.assert(
    fc.property(anyStanding, anyStanding, (own, other) => {
      const counts = reconcile({ ...own, pending: true }, { ...other, seq: 9, pending: false });
      for (const [id, granted] of Object.entries(other.categories)) {
        if (!granted) expect(counts?.categories[id]).toBe(false);
      }
    }),
  );
});
