import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openOutbox } from "../src/courier/outbox";
import type { Answer } from "../src/courier/transport";
import type { Choice } from "../src/types";
import { areaOf } from "./area";
import { choice } from "./boot";

const PREFIX = "holdfire:demo:out:";
const DAY = 86_400_000;

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const act = (n: number, more: Partial<Choice> = {}) => choice({ event_id: id(n), ...more });

const record = ({ event_id }: Choice): Answer => ({
  status: 201,
  body: JSON.stringify({ event_id, token: "p.s" }),
  wait: 0,
});
const status = (code: number) => (): Answer => ({ status: code, body: "", wait: 0 });

const setUp = (reply: (choice: Choice) => Answer | Promise<Answer> = record) => {
  const items = new Map<string, string>();
  const sent: string[] = [];
  const recorded: string[] = [];
  const refused: [id: string, status: number][] = [];
  const open = () =>
    openOutbox({
      area: areaOf(items),
      prefix: PREFIX,
      send: async (one) => {
        sent.push(one.event_id);
        return reply(one);
      },
      recorded: ({ event_id }) => recorded.push(event_id),
      refused: ({ event_id }, answer) => refused.push([event_id, answer.status]),
      now: Date.now,
      random: () => 1,
    });
  const outbox = open();
  /** An act has just been made: it waits, and may go at once. */
  const add = (one: Choice) => {
    items.set(PREFIX + one.event_id, left(one));
    outbox.flush(true);
  };
  return { items, sent, recorded, refused, open, outbox, add };
};

/** An item as an earlier page left it. */
const left = (one: unknown, age = 0) => JSON.stringify({ queued: Date.now() - age, choice: one });

/** Lets promises run that wait for nothing else. */
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("a choice", () => {
  test("is sent at once, and kept until it is answered", async () => {
    let answer: (answer: Answer) => void = () => {};
    const { items, add, sent } = setUp(() => new Promise((resolve) => (answer = resolve)));
    add(act(1));
    expect([...items.keys()]).toEqual([PREFIX + id(1)]);
    expect(sent).toEqual([id(1)]);
    answer(record(act(1)));
    await settle();
    expect(items.size).toBe(0);
  });

  test.each([0, 429, 500, 502, 503, 504])("stays after the answer %d", async (code) => {
    const { items, add } = setUp(status(code));
    add(act(1));
    await settle();
    expect(items.size).toBe(1);
  });

  test.each([409, 410])("leaves quietly after the answer %d", async (code) => {
    const { items, add, refused } = setUp(status(code));
    add(act(1));
    await settle();
    expect(items.size).toBe(0);
    expect(refused).toEqual([]);
  });

  test.each([400, 401, 403, 413, 415])("leaves with an error after the answer %d", async (code) => {
    const { items, add, refused } = setUp(status(code));
    add(act(1));
    await settle();
    expect(items.size).toBe(0);
    expect(refused).toEqual([[id(1), code]]);
  });

  test.each([
    "<html>Log in</html>",
    "{}",
    "null",
    JSON.stringify({ event_id: id(2), token: "p.s" }),
  ])("is not taken for recorded because a 200 says %s", async (body) => {
    const { items, add, recorded } = setUp(() => ({ status: 200, body, wait: 0 }));
    add(act(1));
    await settle();
    expect(items.size).toBe(1);
    expect(recorded).toEqual([]);
  });

  test("goes after those that were made before it", async () => {
    const { items, add, sent, recorded } = setUp();
    items.set(PREFIX + id(2), left(act(2), 1_000));
    items.set(PREFIX + id(1), left(act(1), 2_000));
    add(act(3));
    await settle();
    expect(sent).toEqual([id(1), id(2), id(3)]);
    expect(recorded).toEqual([id(1), id(2), id(3)]);
  });

  test("goes after the one it was made on, even if a clock was set back in between", async () => {
    const { items, outbox, sent } = setUp();
    items.set(PREFIX + id(1), left(act(1), 1_000));
    items.set(PREFIX + id(2), left(act(2, { after: { seq: 0, event_id: id(1) } }), 3_600_000));
    outbox.flush(false);
    await settle();
    expect(sent).toEqual([id(1), id(2)]);
  });

  test("waits while one before it cannot be sent", async () => {
    const { items, add, sent } = setUp(status(503));
    items.set(PREFIX + id(1), left(act(1), 1_000));
    add(act(2));
    await settle();
    expect(sent).toEqual([id(1)]);
    expect(items.size).toBe(2);
  });
});

describe("after a failure", () => {
  test("it is tried again, ever later, for at most an hour between", async () => {
    const { add, sent } = setUp(status(503));
    add(act(1));
    await settle();
    for (const seconds of [1, 2, 4, 8]) {
      const before = sent.length;
      await vi.advanceTimersByTimeAsync(seconds * 1_000 - 1);
      expect(sent).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(sent).toHaveLength(before + 1);
    }
    await vi.advanceTimersByTimeAsync(8 * 3_600_000);
    const before = sent.length;
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(sent).toHaveLength(before + 1);
  });

  test("it waits at least as long as the service asks", async () => {
    const { add, sent } = setUp(() => ({ status: 503, body: "", wait: 30_000 }));
    add(act(1));
    await vi.advanceTimersByTimeAsync(30_999);
    expect(sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toHaveLength(2);
  });

  test("it waits an hour at most, however long it is asked to", async () => {
    const { add, sent } = setUp(() => ({ status: 503, body: "", wait: 1e12 }));
    add(act(1));
    await vi.advanceTimersByTimeAsync(3_600_999);
    expect(sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toHaveLength(2);
  });

  test("the next page sends what this one could not", async () => {
    let up = false;
    const { items, open, add, recorded } = setUp((one) => (up ? record(one) : status(0)()));
    add(act(1));
    await settle();
    up = true;
    open().flush(false);
    await settle();
    expect(recorded).toEqual([id(1)]);
    expect(items.size).toBe(0);
  });
});

describe("between tabs", () => {
  test("one sends at a time, where the browser has locks", async () => {
    const names: string[] = [];
    let free: () => void = () => {};
    vi.stubGlobal("navigator", {
      locks: {
        request: async (name: string, work: () => unknown) => {
          names.push(name);
          await new Promise<void>((resolve) => {
            free = resolve;
          });
          return work();
        },
      },
    });
    const { items, outbox, sent } = setUp();
    items.set(PREFIX + id(1), left(act(1)));
    outbox.flush(false);
    await settle();
    expect([names, sent]).toEqual([[PREFIX], []]);
    free();
    await settle();
    expect(sent).toEqual([id(1)]);
  });

  test("a lock that is refused does not keep a choice from being sent", async () => {
    vi.stubGlobal("navigator", {
      locks: { request: () => Promise.reject(new Error("SecurityError")) },
    });
    const { items, outbox, recorded } = setUp();
    items.set(PREFIX + id(1), left(act(1)));
    outbox.flush(false);
    await settle();
    expect(recorded).toEqual([id(1)]);
  });

  test("what another tab queues meanwhile is neither lost nor sent twice", async () => {
    const { items, add, sent } = setUp((one) => {
      if (one.event_id === id(1)) items.set(PREFIX + id(2), left(act(2)));
      return record(one);
    });
    add(act(1));
    await settle();
    expect(sent).toEqual([id(1), id(2)]);
    expect(items.size).toBe(0);
  });
});

describe("what is not a choice", () => {
  test.each([
    ["junk", "junk"],
    ["null", "null"],
    ["no time", JSON.stringify({ choice: act(1) })],
    ["an infinite time", `{"queued": 1e999, "choice": ${JSON.stringify(act(1))}}`],
    ["no choice", left(null)],
    ["a table for a text", left({ ...act(1), control: {} })],
    ["a text for a boolean", left({ ...act(1), categories: { analytics: "true" } })],
    ["a foreign id", left(act(2))],
    ["a prototype", `{"__proto__": {"queued": 1}, "choice": ${JSON.stringify(act(1))}}`],
    ["ten megabytes", left({ ...act(1), control: "x".repeat(10_000_000) })],
    ["a month old", left(act(1), 30 * DAY)],
  ])("is dropped unsent: %s", async (_, text) => {
    const { items, outbox, sent } = setUp();
    items.set(PREFIX + id(1), text);
    outbox.flush(false);
    await settle();
    expect(sent).toEqual([]);
    expect(items.size).toBe(0);
  });

  test("is told when it was one, and grew too old to be recorded", async () => {
    const { items, outbox, refused } = setUp();
    items.set(PREFIX + id(1), left(act(1), 30 * DAY));
    outbox.flush(false);
    await settle();
    expect(refused).toEqual([[id(1), 0]]);
  });

  test("does not travel with one that is", async () => {
    const sent: Choice[] = [];
    const { items, outbox } = setUp((one) => {
      sent.push(one);
      return record(one);
    });
    items.set(PREFIX + id(1), left({ ...act(1), extra: "x".repeat(100) }));
    outbox.flush(false);
    await settle();
    expect(sent).toEqual([act(1)]);
  });

  test("cannot crowd out the newest twenty", async () => {
    const { items, outbox, sent } = setUp();
    for (let n = 1; n <= 25; n++) items.set(PREFIX + id(n), left(act(n), DAY - n));
    outbox.flush(false);
    await settle();
    expect(sent).toEqual(Array.from({ length: 20 }, (_, n) => id(n + 6)));
  });
});

test("an item that the browser will not let go of is sent once", async () => {
  const { items, outbox, add, sent } = setUp();
  items.delete = () => false;
  add(act(1));
  await settle();
  outbox.flush(false);
  await settle();
  expect(sent).toEqual([id(1)]);
});
