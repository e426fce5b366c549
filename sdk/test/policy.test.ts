import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DAY, decide, decideService } from "../src/policy";
import type { Circumstances, Decision, Decisions, Prior, Rules, Table } from "../src/types";
import { optIn, optOut, rule, service, VERSION } from "./boot";

const NOW = 1_800_000_000;

const circumstances = (more: Partial<Circumstances> = {}): Circumstances => ({
  now: NOW,
  notice_version: VERSION,
  services: [],
  signals: { gpc: false, dnt: null },
  prior: null,
  age: null,
  known: false,
  parental: false,
  ...more,
});

const prior = (more: Partial<Prior> = {}): Prior => ({
  action: "accept_all",
  categories: { functional: true, analytics: true, marketing: true },
  services: {},
  shown_services: [],
  notice_version: VERSION,
  recorded_at: NOW - DAY,
  valid_until: NOW + 100 * DAY,
  gpc_noticed: false,
  dnt_noticed: false,
  by_signal: false,
  left_on: [],
  ...more,
});

const refused = (more: Partial<Prior> = {}): Prior =>
  prior({
    action: "reject_all",
    categories: { functional: false, analytics: false, marketing: false },
    ...more,
  });

const reason = (rules: Rules, more: Partial<Circumstances>, id = "marketing") =>
  decide(rules, circumstances(more)).categories[id]?.reason;

const GPC = { gpc: true, dnt: null };

describe("a decision", () => {
  test("denies everything but the necessary where silence means no", () => {
    const { categories } = decide(optIn(), circumstances());
    expect({ ...categories }).toEqual({
      necessary: { allow: true, reason: "necessary" },
      functional: { allow: false, reason: "default_denied" },
      analytics: { allow: false, reason: "default_denied" },
      marketing: { allow: false, reason: "default_denied" },
    });
  });

  test("grants what a standing consent names", () => {
    expect(reason(optIn(), { prior: prior() })).toBe("choice_granted");
  });

  test("ends a consent at the earlier of what was told and what the law allows", () => {
    const told = prior({ valid_until: NOW });
    const allowed = prior({ recorded_at: NOW - 180 * DAY });
    expect(reason(optIn(), { prior: told })).toBe("choice_expired");
    expect(reason(optIn(), { prior: allowed })).toBe("choice_expired");
  });

  test("ends a consent with the notice it was given under", () => {
    expect(reason(optIn(), { prior: prior({ notice_version: "other" }) })).toBe("notice_changed");
  });

  test("takes neither a closed notice nor an opt-out for a consent", () => {
    expect(reason(optIn(), { prior: prior({ action: "acknowledge" }) })).toBe("default_denied");
    expect(reason(optIn(), { prior: prior({ action: "opt_out" }) })).toBe("default_denied");
  });

  test("lets a refusal stand for ever where silence means yes, whatever the notice says now", () => {
    const old = refused({ recorded_at: 0, valid_until: 1, notice_version: "other" });
    expect(reason(optOut(), { prior: old })).toBe("choice_denied");
    expect(reason(optIn(), { prior: old })).toBe("default_denied");
  });

  test("lets GPC beat a consent that was given before it was on", () => {
    expect(reason(optOut(), { prior: prior(), signals: GPC })).toBe("gpc");
  });

  test("lets a consent beat GPC that was given while it was on, and after being told", () => {
    const noticed = prior({ gpc_noticed: true, dnt_noticed: true });
    expect(reason(optOut(), { prior: noticed, signals: GPC })).toBe("choice_granted");
  });

  test("asks more of that consent where the law asks for an identified visitor", () => {
    const rules = optOut({ conflict_rule: "signal_wins_until_reconfirmed_known" });
    const noticed = prior({ gpc_noticed: true, dnt_noticed: true });
    expect(reason(rules, { prior: noticed, signals: GPC })).toBe("gpc");
    expect(reason(rules, { prior: noticed, signals: GPC, known: true })).toBe("choice_granted");
  });

  test("lets DNT deny only where a rule gives it force", () => {
    const signals = { gpc: false, dnt: true };
    const binding = optOut({ categories: [rule("marketing", { default: "granted", dnt: true })] });
    expect(reason(binding, { signals })).toBe("dnt");
    expect(reason(optOut(), { signals })).toBe("default_granted");
  });

  test("puts the age bands before anything the visitor said", () => {
    const banned = optIn({ categories: [rule("marketing", { minors: [[0, 12, "ban"]] })] });
    const parents = optIn({
      categories: [rule("marketing", { minors: [[0, 12, "parental_opt_in"]] })],
    });
    expect(reason(banned, { prior: prior(), age: 12 })).toBe("minor");
    expect(reason(banned, { prior: prior(), age: 13 })).toBe("choice_granted");
    expect(reason(parents, { prior: prior(), age: 5 })).toBe("minor");
    expect(reason(parents, { prior: prior(), age: 5, parental: true })).toBe("choice_granted");
  });

  test("takes who was asked their age, and has not said it, for any age", () => {
    const asking = optOut({
      ask_age: true,
      categories: [
        rule("functional", { default: "granted" }),
        rule("marketing", { default: "granted", minors: [[13, 15, "ban"]] }),
      ],
    });
    expect(reason(asking, { prior: prior() })).toBe("minor");
    expect(reason(asking, { age: 15 })).toBe("minor");
    expect(reason(asking, { age: 16 })).toBe("default_granted");
    expect(reason(asking, {}, "functional")).toBe("default_granted");
    expect(reason({ ...asking, ask_age: false }, {})).toBe("default_granted");
  });

  test("allows an attested exemption without a choice, until an objection ends it", () => {
    const rules = optIn({
      categories: [rule("analytics", { exempt: true, gpc_ends_exempt: true })],
    });
    expect(reason(rules, {}, "analytics")).toBe("exempt_granted");
    expect(reason(rules, { signals: GPC }, "analytics")).toBe("gpc");
  });

  test("takes the refusal of one category that carries the sale for a refusal of the sale", () => {
    const sold = prior({ action: "save", categories: { marketing: false } });
    expect(decide(optOut(), circumstances({ prior: sold })).sale_or_share).toEqual({
      allow: false,
      reason: "choice_denied",
    });
  });

  test("owes the opt-out status exactly while GPC is honoured", () => {
    expect(decide(optOut(), circumstances({ signals: GPC })).opt_out_status).toBe("required");
    expect(decide(optOut(), circumstances()).opt_out_status).toBe("none");
  });
});

describe("a service", () => {
  const ga4 = service("ga4", "analytics");

  test("is allowed with its category, unless it was refused by itself", () => {
    const apart = prior({ services: { ga4: false } });
    const decided = decide(optIn(), circumstances({ prior: apart }));
    expect(decideService(ga4, decided, apart).reason).toBe("choice_denied");
    expect(decideService(ga4, decided, prior()).reason).toBe("choice_granted");
  });

  test("is never allowed against its category", () => {
    const apart = refused({ services: { ga4: true } });
    const decided = decide(optIn(), circumstances({ prior: apart }));
    expect(decideService(ga4, decided, apart).allow).toBe(false);
  });
});

describe("the visitor", () => {
  const prompt = (rules: Rules, more: Partial<Circumstances>) =>
    decide(rules, circumstances(more)).prompt;

  test("is asked until they have answered for every category", () => {
    expect(prompt(optIn(), {})).toBe("banner");
    expect(prompt(optIn(), { prior: prior({ categories: { analytics: true } }) })).toBe("banner");
    expect(prompt(optIn(), { prior: prior() })).toBe("link");
  });

  test("is asked again when a service was added since", () => {
    expect(prompt(optIn(), { prior: prior(), services: ["new"] })).toBe("banner");
  });

  test("who refused is left in peace for as long as the law says", () => {
    const rules = optIn({ after_refusal_days: 365 });
    const before = refused({ recorded_at: NOW - 364 * DAY, valid_until: NOW - 184 * DAY });
    const after = refused({ recorded_at: NOW - 365 * DAY, valid_until: NOW - 185 * DAY });
    expect(prompt(rules, { prior: before })).toBe("link");
    expect(prompt(rules, { prior: after })).toBe("banner");
  });

  test("is shown nothing where there is nothing to decide", () => {
    expect(prompt(optIn({ categories: [rule("necessary", { locked: true })] }), {})).toBe("none");
  });
});

// ---------------------------------------------------------------- against the service

/** As `tests/vectors/make.py` writes them: tables of rules, and cases that point at one. */
interface Vectors {
  tables: Rules[];
  cases: { name: string; table: number; circumstances: Circumstances; expect: Decisions }[];
}

const { tables, cases }: Vectors = JSON.parse(
  readFileSync(new URL("../../tests/vectors/policy.json", import.meta.url), "utf8"),
);

test.each(cases)("decides as the service does: $name", ({ table, circumstances, expect: same }) => {
  const decided = decide(tables[table] as Rules, circumstances);
  expect(JSON.parse(JSON.stringify(decided))).toEqual(same);
});

// ---------------------------------------------------------------- whatever the circumstances

const ids = ["functional", "analytics", "marketing"];
const anyBand = fc.tuple(
  fc.integer({ min: 0, max: 18 }),
  fc.integer({ min: 0, max: 18 }),
  fc.constantFrom("ban" as const, "opt_in" as const, "parental_opt_in" as const),
);
const anyRule = (id: string) =>
  fc
    .record({
      sale: fc.boolean(),
      default: fc.constantFrom("granted" as const, "denied" as const),
      exempt: fc.boolean(),
      gpc: fc.boolean(),
      gpc_ends_exempt: fc.boolean(),
      dnt: fc.boolean(),
      consent_cannot_unlock: fc.boolean(),
      minors: fc.array(anyBand, { maxLength: 2 }),
    })
    .map((more) => rule(id, more));
const anyRules: fc.Arbitrary<Rules> = fc
  .record({
    model: fc.constantFrom("opt_in" as const, "opt_out" as const, "notice" as const),
    conflict_rule: fc.constantFrom(
      "explicit_wins" as const,
      "explicit_wins_if_noticed" as const,
      "signal_wins_until_reconfirmed" as const,
      "signal_wins_until_reconfirmed_known" as const,
    ),
    choice_days: fc.constantFrom(30, 180, 365),
    refusal_lapses: fc.boolean(),
    assume_age: fc.constantFrom(null, 0),
    ask_age: fc.boolean(),
    categories: fc.tuple(...ids.map(anyRule)),
    sale_or_share: anyRule("sale_or_share"),
  })
  .map((more) => optIn(more));
const anyPrior: fc.Arbitrary<Prior> = fc
  .record({
    action: fc.constantFrom("accept_all", "reject_all", "save", "opt_out", "acknowledge"),
    categories: fc.dictionary(fc.constantFrom(...ids), fc.boolean()),
    notice_version: fc.constantFrom(VERSION, "other"),
    recorded_at: fc.integer({ min: NOW - 500 * DAY, max: NOW }),
    valid_until: fc.integer({ min: NOW - 100 * DAY, max: NOW + 400 * DAY }),
    gpc_noticed: fc.boolean(),
    dnt_noticed: fc.boolean(),
    by_signal: fc.boolean(),
    left_on: fc.subarray(ids),
  })
  .map((more) => prior(more as Partial<Prior>));
const anyCircumstances: fc.Arbitrary<Circumstances> = fc
  .record({
    signals: fc.record({ gpc: fc.boolean(), dnt: fc.constantFrom(null, true, false) }),
    prior: fc.option(anyPrior),
    age: fc.constantFrom(null, 5, 14, 17, 40),
    known: fc.boolean(),
    parental: fc.boolean(),
  })
  .map((more) => circumstances(more));

const everything = (rules: Rules, now: Circumstances): Table<Decision> => {
  const { categories, sale_or_share } = decide(rules, now);
  return { ...categories, sale_or_share };
};

test("a signal never turns a denial into a grant", () => {
  fc.assert(
    fc.property(anyRules, anyCircumstances, (rules, now) => {
      const silent = everything(rules, { ...now, signals: { gpc: false, dnt: null } });
      const heard = everything(rules, now);
      for (const [id, decision] of Object.entries(heard)) {
        if (decision.allow) expect(silent[id]?.allow).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a refusal that stands is never overruled", () => {
  fc.assert(
    fc.property(anyRules, anyCircumstances, (rules, now) => {
      const fresh = refused({ recorded_at: NOW, valid_until: NOW + 1 });
      const { categories } = decide(rules, { ...now, prior: fresh });
      for (const { allow } of Object.values(categories)) {
        expect(allow).toBe(false);
      }
    }),
    { numRuns: 500 },
  );
});
