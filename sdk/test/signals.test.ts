import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readSignals, type Speaking } from "../src/signals";

const gpc = (globalPrivacyControl: unknown) => readSignals({ globalPrivacyControl }, {}).gpc;
const dnt = (doNotTrack: unknown) => readSignals({ doNotTrack }, {}).dnt;

const mute: Speaking = {
  get globalPrivacyControl(): unknown {
    throw new Error("not for you");
  },
  get doNotTrack(): unknown {
    throw new Error("not for you");
  },
};

interface Vector {
  value: unknown;
  gpc?: unknown;
  dnt?: unknown;
}

const vectors = (name: string): Vector[] => {
  const file = new URL(`../../tests/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")).javascript;
};
const settled = (expected: unknown) => typeof expected !== "string";

describe("Global Privacy Control", () => {
  test.each([true, "1", 1])("is on when a browser or extension says %o", (said) => {
    expect(gpc(said)).toBe(true);
  });

  test.each([false, undefined, null, "0", 0, "true", "", {}, "2"])("is off for %o", (said) => {
    expect(gpc(said)).toBe(false);
  });

  test("counts as on when the answer is hidden", () => {
    expect(readSignals(mute, {}).gpc).toBe(true);
  });

  test.each(vectors("gpc").filter((one) => settled(one.gpc)))("agrees: $value", (vector) => {
    expect(gpc(vector.value === "(undefined)" ? undefined : vector.value)).toBe(vector.gpc);
  });
});

describe("Do Not Track", () => {
  test.each(["1", "yes", "1xyz", 1])("is on for %o", (said) => {
    expect(dnt(said)).toBe(true);
  });

  test.each(["0", "no", "0abc", 0])("says no for %o, which is not the same as nothing", (said) => {
    expect(dnt(said)).toBe(false);
  });

  test.each([null, undefined, "", "unspecified", "2", {}])("is silent for %o", (said) => {
    expect(dnt(said)).toBe(null);
  });

  test("is heard where older browsers put it", () => {
    expect(readSignals({}, { doNotTrack: "1" }).dnt).toBe(true);
    expect(readSignals({ msDoNotTrack: "1" }, {}).dnt).toBe(true);
  });

  test("counts as on when the answer is hidden", () => {
    expect(readSignals(mute, {}).dnt).toBe(true);
  });

  test.each(vectors("dnt").filter((one) => settled(one.dnt)))("agrees: $value", (vector) => {
    expect(dnt(vector.value)).toBe(vector.dnt === null ? null : vector.dnt === 1);
  });
});
