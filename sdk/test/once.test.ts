import { describe, expect, test } from "vitest";
import { pressed } from "./boot";
import { EVERY_CHUNK, lost, openPage, turn } from "./page";

describe("what is loaded once, whatever is permitted", () => {
  const html = `<iframe data-category="marketing" data-src="https://third.test/f" id="one"></iframe>
    <iframe data-category="marketing" data-src="https://third.test/g" id="two"></iframe>`;
  const asking = async (setup: Parameters<typeof openPage>[0] = { inlined: EVERY_CHUNK }) => {
    const page = await openPage({ ...setup, html });
    await turn();
    const [one, two] = [...page.document.querySelectorAll("iframe")];
    if (!one || !two) throw new Error("no frames");
    page.host().once(one as unknown as Element);
    return { page, run: page.run, one, two };
  };

  test("is that one element, of which nothing is remembered", async () => {
    const { page, one, two } = await asking();
    expect(one.getAttribute("src")).toBe("https://third.test/f");
    expect(two.hasAttribute("src")).toBe(false);
    await turn();
    expect(page.holdfire.allowed("marketing")).toBe(false);
    expect([page.kept(), page.requests]).toEqual([{}, []]);
  });

  test.each(["rejectAll()", "withdraw()", "choose({ functional: true })"])(
    "goes with the next act: %s",
    async (call) => {
      const { one, run } = await asking();
      run(`holdfire.${call}`);
      expect(one.hasAttribute("src")).toBe(false);
    },
  );

  test("goes with a refusal that changes nothing else, and whose act cannot be made", async () => {
    const { one, page } = await asking({ inlined: [], travel: lost("act").travel });
    page.holdfire.withdraw();
    await turn();
    page.host().once(one as unknown as Element);
    expect(one.hasAttribute("src")).toBe(true);
    page.holdfire.withdraw();
    expect(one.hasAttribute("src")).toBe(false);
  });

  test("stays where the visitor allows another thing for good", async () => {
    const { one, page } = await asking();
    page.host().choose({
      ...pressed("accept_all"),
      action: "save",
      control: "always_allow",
      categories: { functional: true, analytics: false, marketing: false },
    });
    expect(page.holdfire.allowed("functional")).toBe(true);
    expect(one.hasAttribute("src")).toBe(true);
  });

  test("is not what has no address on the web", async () => {
    const page = await openPage({
      html: '<iframe data-category="marketing" data-src="javascript:alert(1)"></iframe>',
    });
    await turn();
    page.host().once(page.document.querySelector("iframe") as unknown as Element);
    expect(page.document.querySelector("iframe")?.hasAttribute("src")).toBe(false);
    expect(page.errors).toHaveLength(1);
  });
});
