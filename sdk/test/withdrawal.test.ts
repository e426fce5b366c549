import { describe, expect, test, vi } from "vitest";
import type { Boot } from "../src/types";
import { bootFor, optIn, service } from "./boot";
import { EVERY_CHUNK, openPage, turn } from "./page";

const shop = (more: Partial<Boot["services"][number]> = {}): Boot =>
  bootFor(optIn(), {
    services: [
      service("ga4", "analytics", { cookies: ["_ga", "_ga_*"], storage: ["ga:*"], ...more }),
      service("player", "functional", { cookies: ["shared"] }),
    ],
  });

/** Databases as IndexedDB has them; `open` ones are held open by a script of the page. */
const databases = (names: string[], open: string[] = []) => {
  const there = new Set(names);
  return {
    there,
    indexedDB: {
      databases: async () => [...there].map((name) => ({ name })),
      deleteDatabase: (name: string) => {
        const request: Record<string, () => void> = {};
        queueMicrotask(() => {
          if (open.includes(name)) return request.onblocked?.();
          there.delete(name);
          request.onsuccess?.();
        });
        return request;
      },
    },
  };
};

describe("cookies", () => {
  test("are expired for each domain of the host but the last, and each way its path begins", async () => {
    const { holdfire, run } = await openPage({
      url: "https://www.shop.test/a/b",
      boot: shop(),
      inlined: EVERY_CHUNK,
      before: `window.written = [];
        Object.defineProperty(Document.prototype, "cookie", {
          get: () => "_ga=1", set: (one) => { written.push(one); } });`,
    });
    holdfire.acceptAll();
    holdfire.withdraw();
    const written: string = run("written.join('\\n')");
    for (const domain of ["domain=www.shop.test", "domain=shop.test"]) {
      for (const path of ["/", "/a", "/a/", "/a/b"]) {
        expect(written).toContain(`path=${path};${domain};secure\n`);
      }
    }
    expect(written).not.toContain("domain=test");
  });

  test("that cannot be removed are told once, together, and not tried for ever", async () => {
    const { holdfire, errors, window } = await openPage({
      url: "http://127.0.0.1/",
      boot: shop(),
      inlined: EVERY_CHUNK,
      before: `Object.defineProperty(Document.prototype, "cookie", {
        get: () => "_ga=1; _ga_X=1; basket=1", set: () => {} });`,
    });
    holdfire.acceptAll();
    holdfire.withdraw();
    window.dispatchEvent(new window.Event("pagehide"));
    await turn();
    expect(errors.map(String)).toEqual(["Error: could not remove: _ga (cookie), _ga_X (cookie)"]);
  });
});

describe("databases", () => {
  test("of a refused service are removed, and no others", async () => {
    const { there, indexedDB } = databases(["ga", "ga-events", "basket"]);
    const { holdfire, errors } = await openPage({
      boot: shop({ databases: ["ga", "ga-*"] }),
      inlined: EVERY_CHUNK,
      members: { indexedDB },
    });
    holdfire.acceptAll();
    holdfire.withdraw();
    await turn();
    expect([...there]).toEqual(["basket"]);
    expect(errors).toEqual([]);
  });

  test("that a script holds open are told", async () => {
    const { indexedDB } = databases(["ga", "ga-events"], ["ga"]);
    const { holdfire, errors } = await openPage({
      boot: shop({ databases: ["ga*"] }),
      inlined: EVERY_CHUNK,
      members: { indexedDB },
    });
    holdfire.acceptAll();
    holdfire.withdraw();
    await turn();
    expect(errors.map(String)).toEqual(["Error: could not remove: ga (database in use)"]);
  });

  test("are removed by their listed names where the browser does not list them", async () => {
    const { there, indexedDB } = databases(["ga", "basket"]);
    const { holdfire } = await openPage({
      boot: shop({ databases: ["ga"] }),
      inlined: EVERY_CHUNK,
      members: { indexedDB: { deleteDatabase: indexedDB.deleteDatabase } },
    });
    holdfire.acceptAll();
    holdfire.withdraw();
    await turn();
    expect([...there]).toEqual(["basket"]);
  });

  test("stay when the service is allowed again before its turn", async () => {
    const { there, indexedDB } = databases(["ga"]);
    const { holdfire } = await openPage({
      boot: shop({ databases: ["ga"] }),
      inlined: EVERY_CHUNK,
      members: { indexedDB },
    });
    holdfire.acceptAll();
    holdfire.withdraw();
    holdfire.acceptAll();
    await turn();
    expect([...there]).toEqual(["ga"]);
  });
});

describe("a page with a service that only a reload stops", () => {
  const open = async (more: Parameters<typeof openPage>[0] = {}) => {
    const timers: (() => void)[] = [];
    const setTimeout = (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) =>
      ms ? timers.push(() => run(...given)) : run(...given);
    const page = await openPage({
      boot: shop({ reload: true }),
      inlined: EVERY_CHUNK,
      members: { setTimeout },
      ...more,
    });
    const reload = vi.fn();
    Object.defineProperty(page.window.location, "reload", { value: reload });
    /** Has every time pass that was waited for. */
    const pass = () => {
      for (const run of timers.splice(0)) run();
    };
    return { ...page, reload, pass };
  };

  test("is loaded anew once the refusal is recorded", async () => {
    const { holdfire, requests, reload } = await open();
    holdfire.acceptAll();
    holdfire.withdraw();
    expect(reload).not.toHaveBeenCalled();
    await turn();
    expect(requests.map(({ body }) => body?.action)).toEqual(["accept_all", "withdraw"]);
    expect(reload).toHaveBeenCalledTimes(1);
  });

  test("is loaded anew once for one act", async () => {
    const { holdfire, reload, pass } = await open();
    holdfire.acceptAll();
    holdfire.withdraw();
    await turn();
    pass();
    expect(reload).toHaveBeenCalledTimes(1);
  });

  test("goes without an answer after a while, with the refusal kept for the next page", async () => {
    const { holdfire, reload, queued, pass } = await open({ reply: () => null });
    holdfire.acceptAll();
    holdfire.withdraw();
    await turn();
    expect(reload).not.toHaveBeenCalled();
    pass();
    expect(reload).toHaveBeenCalledTimes(1);
    expect(queued()).toHaveLength(2);
  });

  test("stays where the service had not been allowed", async () => {
    const { holdfire, reload } = await open();
    holdfire.rejectAll();
    await turn();
    expect(reload).not.toHaveBeenCalled();
  });

  test("stays where the service is allowed again", async () => {
    const { holdfire, reload, pass } = await open({ reply: () => null });
    holdfire.acceptAll();
    holdfire.withdraw();
    holdfire.acceptAll();
    pass();
    expect(reload).not.toHaveBeenCalled();
  });

  test("stays where the next page would not know of the refusal", async () => {
    const { holdfire, errors, reload } = await open({
      before: `Object.defineProperty(window, "localStorage", {
        get() { throw new Error("SecurityError"); } });`,
    });
    holdfire.acceptAll();
    holdfire.withdraw();
    await turn();
    expect(reload).not.toHaveBeenCalled();
    expect(String(errors)).toContain("not reloaded: ga4");
  });
});
