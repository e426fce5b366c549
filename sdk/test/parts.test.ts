import { describe, expect, test } from "vitest";
import { EVERY_CHUNK, openPage } from "./page";

const noting = (name: string) => `() => ({ open: (host, options) => {
  const note = (what) => (window.noted ??= []).push(what + " ${name}");
  note(host.decision("analytics").allow ? "opened too late" : "opened");
  return {
    settle: ({ categories }) => note(categories.analytics.allow ? "allowed" : "denied"),
    stop: () => note("stopped"),
  };
} })`;
const FAILING = `() => ({ open: () => ({
  settle: () => { throw new Error("settle"); }, stop: () => { throw new Error("stop"); },
}) })`;
const TAG = `<script type="text/plain" data-category="analytics">window.noted.push("tag")</script>`;

describe("a part that the site turned on", () => {
  const on = async (parts: Record<string, string>) => {
    const page = await openPage({ inlined: EVERY_CHUNK, html: TAG, parts });
    return { ...page, noted: () => (page.window as unknown as { noted: string[] }).noted };
  };

  test("is there before anything is decided, and told before any tag feels it", async () => {
    const { holdfire, noted } = await on({ first: noting("first"), second: noting("second") });
    expect(noted()).toEqual(["opened first", "opened second", "denied first", "denied second"]);
    holdfire.acceptAll();
    expect(noted().slice(4)).toEqual(["allowed first", "allowed second", "tag"]);
    holdfire.withdraw();
    expect(noted().slice(7)).toEqual(["denied first", "denied second"]);
  });

  test("hears nothing where nothing changes", async () => {
    const { holdfire, noted } = await on({ only: noting("only") });
    holdfire.acceptAll();
    const before = noted().length;
    holdfire.acceptAll();
    expect(noted()).toHaveLength(before);
  });

  test("that fails leaves the others and the tags as they are", async () => {
    const { errors, holdfire, noted } = await on({ failing: FAILING, after: noting("after") });
    holdfire.acceptAll();
    expect(noted()).toEqual(["opened after", "denied after", "allowed after", "tag"]);
    holdfire.stop();
    expect(noted().at(-1)).toBe("stopped after");
    expect(errors.map(String)).toEqual(["Error: settle", "Error: stop"]);
  });

  test("is stopped by the page's own code, and holds go on", async () => {
    const { holdfire, noted } = await on({ only: noting("only") });
    holdfire.stop();
    expect(noted()).toEqual(["opened only", "denied only", "stopped only"]);
    expect(holdfire.allowed("analytics")).toBe(false);
  });
});
