import { describe, expect, test } from "vitest";
import { bootFor, optOut, payload, pressed, SITE } from "./boot";
import { lost, openPage, slow, turn } from "./page";

const KEY = `holdfire:${SITE}`;
const NO = `${KEY}:no`;

/** What an earlier page has kept of a visitor who consented to analytics. */
const consented = { [KEY]: JSON.stringify(payload()) };

const actions = ({ requests }: Awaited<ReturnType<typeof openPage>>) =>
  requests.map(({ body }) => body?.action);

describe("a refusal whose act cannot be made", () => {
  const known = { inlined: [], local: consented };

  test("holds at once and on the next page, and is recorded once as soon as it can be", async () => {
    const first = await openPage({ ...known, travel: lost("act").travel });
    expect(first.holdfire.allowed("analytics")).toBe(true);
    first.holdfire.withdraw();
    expect(first.decision("analytics")).toEqual({ allow: false, reason: "choice_denied" });
    await turn();
    expect(first.decision("analytics").allow).toBe(false);
    expect(String(first.errors)).toContain("no way to act");

    const second = await openPage({ inlined: [], local: first.kept(), travel: lost("act").travel });
    expect(second.decision("analytics")).toEqual({ allow: false, reason: "choice_denied" });
    await turn();
    expect([...first.requests, ...second.requests]).toEqual([]);

    const third = await openPage({ inlined: [], local: second.kept() });
    expect(third.holdfire.allowed("analytics")).toBe(false);
    await expect.poll(() => third.requests.length).toBe(1);
    await expect.poll(third.queued).toEqual([]);
    expect(actions(third)).toEqual(["withdraw"]);
    expect(third.window.localStorage.getItem(NO)).toBeNull();
    expect(third.holdfire.allowed("analytics")).toBe(false);

    const fourth = await openPage({ inlined: [], local: third.kept() });
    await turn();
    expect(fourth.holdfire.allowed("analytics")).toBe(false);
    expect(fourth.requests).toEqual([]);
  });

  test.each([
    ["rejectAll()", "reject_all"],
    ["withdraw()", "withdraw"],
  ])("by %s is recorded as what it was", async (call, action) => {
    const { travel, find } = lost("act");
    const page = await openPage({ ...known, travel });
    page.run(`holdfire.${call}`);
    expect(page.holdfire.allowed("analytics")).toBe(false);
    await turn();
    find();
    page.window.dispatchEvent(new page.window.Event("online"));
    await expect.poll(() => actions(page)).toEqual([action]);
  });

  test("is followed when it was made by a control in the page's own markup", async () => {
    const page = await openPage({
      ...known,
      travel: lost("act").travel,
      html: '<button data-holdfire="withdraw">Withdraw</button>',
    });
    page.document.querySelector("button")?.click();
    expect(page.holdfire.allowed("analytics")).toBe(false);
    expect(page.kept()).toHaveProperty(NO, "withdraw");
  });

  test.each(["reject_all", "withdraw"] as const)(
    "is followed when the visitor pressed %s in the interface",
    async (action) => {
      const page = await openPage({ ...known, travel: lost("act").travel });
      page.holdfire.show("preferences");
      await turn();
      page.host().choose(pressed(action));
      expect(page.holdfire.allowed("analytics")).toBe(false);
      const next = await openPage({ inlined: [], local: page.kept() });
      expect(next.holdfire.allowed("analytics")).toBe(false);
      await expect.poll(() => actions(next)).toEqual([action]);
    },
  );

  test("unloads what was loaded, and takes the services' cookies with it", async () => {
    const page = await openPage({
      ...known,
      travel: lost("act").travel,
      cookie: "_ga=1; path=/",
      html: '<iframe data-category="analytics" data-src="https://third.test/f"></iframe>',
    });
    expect(page.document.querySelector("iframe")?.hasAttribute("src")).toBe(true);
    page.holdfire.withdraw();
    expect(page.document.querySelector("iframe")?.hasAttribute("src")).toBe(false);
    await expect.poll(() => page.document.cookie).toBe("");
  });

  test("is one act, however often the page asks whether it can be made", async () => {
    const { travel, arrive } = slow("act");
    const page = await openPage({ ...known, travel });
    page.holdfire.withdraw();
    for (const _ of [1, 2, 3]) {
      page.document.dispatchEvent(new page.window.Event("visibilitychange"));
    }
    await arrive();
    await expect.poll(page.queued).toEqual([]);
    expect(actions(page)).toEqual(["withdraw"]);
  });

  test("is no second act where another tab has made it meanwhile", async () => {
    const { travel, arrive } = slow("act");
    const page = await openPage({ ...known, travel });
    page.holdfire.withdraw();
    page.window.localStorage.removeItem(NO);
    await arrive();
    expect(page.requests).toEqual([]);
  });

  test("is heard of by other tabs through storage", async () => {
    const page = await openPage(known);
    page.window.localStorage.setItem(NO, "withdraw");
    page.window.dispatchEvent(new page.window.StorageEvent("storage", { key: NO }));
    expect(page.holdfire.allowed("analytics")).toBe(false);
  });

  test("holds while the page lives where storage is blocked", async () => {
    const page = await openPage({
      inlined: [],
      boot: bootFor(optOut()),
      travel: lost("act").travel,
      before: `for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(window, name, { get() { throw new Error("blocked"); } });
      }`,
    });
    expect(page.holdfire.allowed("analytics")).toBe(true);
    page.holdfire.rejectAll();
    await turn();
    page.document.dispatchEvent(new page.window.Event("visibilitychange"));
    expect(page.holdfire.allowed("analytics")).toBe(false);
  });

  test("gives way to a later consent, which stands alone", async () => {
    const { travel, find } = lost("act");
    const page = await openPage({ ...known, travel });
    page.holdfire.withdraw();
    await turn();
    find();
    page.holdfire.acceptAll();
    await turn();
    expect(page.holdfire.allowed("analytics")).toBe(true);
    page.document.dispatchEvent(new page.window.Event("visibilitychange"));
    await expect.poll(page.queued).toEqual([]);
    expect(page.holdfire.allowed("analytics")).toBe(true);
    expect(actions(page)).toEqual(["accept_all"]);
  });

  test("is not lost, and is no exception, when what came along breaks", async () => {
    const page = await openPage({ local: consented });
    page.run("window.JSON = undefined; holdfire.withdraw()");
    expect(page.holdfire.allowed("analytics")).toBe(false);
    expect(page.errors).toHaveLength(1);
    expect(page.kept()).toHaveProperty(NO, "withdraw");
  });
});

describe("a consent whose act cannot be made", () => {
  test("grants nothing, on this page or the next, and is told as an error", async () => {
    const page = await openPage({ inlined: [], travel: lost("act").travel });
    const told: string[] = [];
    page.holdfire.on("error", ({ cause }) => told.push(String(cause)));
    page.holdfire.acceptAll();
    await turn();
    expect(page.holdfire.allowed("analytics")).toBe(false);
    expect(told).toEqual(["TypeError: no way to act"]);
    const next = await openPage({ local: page.kept() });
    await turn();
    expect(next.holdfire.allowed("analytics")).toBe(false);
    expect([...page.requests, ...next.requests]).toEqual([]);
  });

  test("holds as soon as it can be made", async () => {
    const { travel, arrive } = slow("act");
    const page = await openPage({ inlined: [], travel });
    page.holdfire.acceptAll();
    expect(page.holdfire.allowed("analytics")).toBe(false);
    await arrive();
    expect(page.holdfire.allowed("analytics")).toBe(true);
    expect(actions(page)).toEqual(["accept_all"]);
  });

  test("is void, and fires nothing, when a refusal came after it", async () => {
    const { travel, arrive } = slow("act");
    const page = await openPage({
      inlined: [],
      travel,
      html: '<script type="text/plain" data-category="analytics">window.fired = true</script>',
    });
    page.holdfire.acceptAll();
    page.holdfire.withdraw();
    await arrive();
    await expect.poll(() => actions(page)).toEqual(["withdraw"]);
    expect(page.holdfire.allowed("analytics")).toBe(false);
    expect(page.run("window.fired")).toBeUndefined();
  });

  test("is void when the visitor's own hand refused after it", async () => {
    const { travel, arrive } = slow("act");
    const page = await openPage({ inlined: [], travel });
    await turn();
    page.holdfire.acceptAll();
    page.host().choose(pressed("reject_all"));
    await arrive();
    await expect.poll(() => actions(page)).toEqual(["reject_all"]);
    expect(page.requests[0]?.body).toMatchObject({ layer: 1, control: "reject_all" });
    expect(page.holdfire.allowed("analytics")).toBe(false);
  });

  test("stands when it came after a refusal that had to wait as well", async () => {
    const { travel, arrive } = slow("act");
    const page = await openPage({ inlined: [], travel });
    page.holdfire.withdraw();
    page.holdfire.acceptAll();
    await arrive();
    await expect.poll(page.queued).toEqual([]);
    expect(actions(page)).toEqual(["withdraw", "accept_all"]);
  });
});

describe("without the courier", () => {
  test("a choice stands, waits, and is sent by a later page", async () => {
    const first = await openPage({ travel: lost("courier").travel });
    first.holdfire.acceptAll();
    await turn();
    expect(first.holdfire.allowed("analytics")).toBe(true);
    expect(first.queued()).toHaveLength(1);
    expect(first.requests).toEqual([]);
    expect(String(first.errors)).toContain("no way to courier");
    const next = await openPage({ inlined: [], local: first.kept() });
    expect(next.holdfire.allowed("analytics")).toBe(true);
    await expect.poll(() => actions(next)).toEqual(["accept_all"]);
    await expect.poll(next.queued).toEqual([]);
  });

  test("a choice is sent by this page once the network is back", async () => {
    const { travel, find } = lost("courier");
    const page = await openPage({ travel });
    page.holdfire.rejectAll();
    await turn();
    find();
    page.window.dispatchEvent(new page.window.Event("online"));
    await expect.poll(() => actions(page)).toEqual(["reject_all"]);
  });

  test("nothing is chosen by name, and an error is told", async () => {
    const page = await openPage({ travel: lost("courier").travel });
    page.holdfire.choose({ analytics: true });
    await turn();
    expect(page.holdfire.allowed("analytics")).toBe(false);
    expect(String(page.errors)).toContain("no way to courier");
  });

  test("a choice by name waits for it, and holds when it comes", async () => {
    const { travel, arrive } = slow("courier");
    const page = await openPage({ travel });
    page.holdfire.choose({ analytics: true });
    page.holdfire.choose({ functional: true });
    expect(page.holdfire.allowed("analytics")).toBe(false);
    await arrive();
    expect(page.holdfire.allowed("analytics")).toBe(true);
    expect(page.holdfire.allowed("functional")).toBe(true);
  });

  test.each([
    ["withdraw()", "withdraw"],
    ["rejectAll()", "reject_all"],
  ])("a choice by name that waits is void after %s", async (call, action) => {
    const { travel, arrive } = slow("courier");
    const page = await openPage({ travel });
    page.holdfire.choose({ analytics: true });
    page.run(`holdfire.${call}`);
    await arrive();
    await expect.poll(page.queued).toEqual([]);
    expect(page.holdfire.allowed("analytics")).toBe(false);
    expect(actions(page)).toEqual([action]);
  });

  test("a choice by name that waits is void once the visitor has chosen by hand", async () => {
    const { travel, arrive } = slow("courier");
    const page = await openPage({ travel });
    await turn();
    page.holdfire.choose({ marketing: true });
    page.host().choose(pressed("reject_all"));
    await arrive();
    expect(page.holdfire.allowed("marketing")).toBe(false);
  });

  test("GPC is obeyed, though it cannot be remembered yet", async () => {
    const boot = bootFor(optOut({ remember_gpc: true }), { signals: { gpc: true, dnt: null } });
    const page = await openPage({ boot, travel: lost("courier").travel });
    await turn();
    expect(page.decision("marketing")).toEqual({ allow: false, reason: "gpc" });
    expect(page.holdfire.allowed("analytics")).toBe(true);
  });
});

describe("a page on which there is nothing to do", () => {
  const html = '<a data-holdfire="preferences" href="#">Cookie settings</a>';

  test("loads nothing for a visitor who has chosen", async () => {
    const page = await openPage({ inlined: [], local: consented, html });
    page.window.dispatchEvent(new page.window.Event("load"));
    await turn();
    // The services that were refused may have left something, which is looked after.
    expect(page.loaded()).toEqual(["courier"]);
    const boot = bootFor(undefined, { services: [] });
    const bare = await openPage({ boot, inlined: [], local: consented, html });
    bare.window.dispatchEvent(new bare.window.Event("load"));
    await turn();
    expect(bare.loaded()).toEqual([]);
  });
});
