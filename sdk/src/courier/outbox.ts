/**
 * Choices on their way to the service.
 *
 * A choice holds on the page at once; its record may have to wait for the network. Each waits
 * under a key of its own (see act/index.ts), so that two tabs never overwrite each other's, and leaves
 * when the service has answered for good. Sending twice is harmless (the event id), losing one is not.
 *
 * | answer            | the item                                            |
 * |-------------------|-----------------------------------------------------|
 * | 200, 201          | leaves, once the body proves that it is the record  |
 * | 409, 410          | leaves: recorded before, or no longer wanted        |
 * | none, 429, 5xx    | stays, and is tried again                           |
 * | any other         | leaves, and is told as an error                     |
 */

import { bare } from "../natives";
import { attempt, flags, like, parsed } from "../shape";
import type { Area } from "../storage";
import type { Action, Recorded as Answered, Choice, Layer } from "../types";
import type { Answer } from "./transport";

const ITEMS = 20; // a visitor acts a few times; more is somebody filling the storage
const LENGTH = 4_096; // characters; an honest choice over 64 services takes 3,000
const AGE = 30 * 86_400_000; // ms
const FIRST_WAIT = 1_000; // ms
const LONGEST_WAIT = 3_600_000; // ms

/** What of the service's answer the page goes by. */
export type Recorded = Pick<Answered, "event_id" | "token">;

export interface Post {
  area: Area;
  /** Prefix of the keys. */
  prefix: string;
  send(choice: Choice): Promise<Answer>;
  recorded(record: Recorded): void;
  refused(choice: Choice, answer: Answer): void;
  /** Milliseconds since 1970. */
  now(): number;
  /** 0 to 1. */
  random(): number;
}

interface Item {
  key: string;
  queued: number;
  choice: Choice;
}

export interface Outbox {
  /**
   * Sends what waits. `now` after an act: with nothing before it there is no order to keep between
   * tabs, so it goes before the page can.
   */
  flush(now: boolean): void;
}

export const openOutbox = (post: Post): Outbox => {
  const { area, prefix } = post;
  /** Answered for good, even if the browser will not let go of the item. */
  const done = new Set<string>();
  let sending = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const waiting = () => itemsIn(post).filter(({ key }) => !done.has(key));

  /** Sends one after the other, so that the service numbers them in the order of the acts. */
  const drain = async () => {
    if (sending) return;
    sending = true;
    clearTimeout(timer);
    for (let item = first(waiting()); item; item = first(waiting())) {
      const answer = await post.send(item.choice);
      if (!settled(item, answer)) {
        later(answer.wait);
        break;
      }
      failures = 0;
    }
    sending = false;
  };

  /** Whether the service has answered for good. */
  const settled = ({ key, choice }: Item, answer: Answer): boolean => {
    const { status } = answer;
    const record = readRecord(answer, choice);
    if (!record && (status < 400 || status === 429 || status >= 500)) return false;
    done.add(key);
    area.remove(key);
    if (record) post.recorded(record);
    else if (status !== 409 && status !== 410) post.refused(choice, answer);
    return true;
  };

  /** Full jitter: after an outage, the browsers of a whole site do not come back at once. */
  const later = (atLeast: number) => {
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures++);
    // Whatever is asked of us, or misread: a timer that is set too far ahead fires at once.
    const asked = Math.min(LONGEST_WAIT, Math.max(0, atLeast));
    timer = setTimeout(() => flush(false), asked + post.random() * longest);
  };

  const flush = (now: boolean) => {
    const items = waiting();
    if (!items[0]) return;
    try {
      if (now && !items[1]) drain();
      // One tab at a time, where the browser can arrange it.
      else navigator.locks.request(prefix, drain).catch(drain);
    } catch {
      drain();
    }
  };

  return { flush };
};

/**
 * What goes next: the oldest, unless it was made on another one that waits. A clock that was set
 * back in between must not have a refusal sent before the consent that it takes back.
 */
const first = (items: readonly Item[]): Item | undefined => {
  const ids = items.map(({ choice }) => choice.event_id);
  return items.find(({ choice }) => !ids.includes(choice.after?.event_id ?? "")) ?? items[0];
};

/** What waits, oldest first. What is not one of ours, too old or too much is thrown away. */
const itemsIn = ({ area, prefix, now, refused }: Post): Item[] => {
  const items: Item[] = [];
  for (const key of area.keys()) {
    if (!key.startsWith(prefix)) continue;
    const item = readItem(key, area.get(key) ?? "");
    const ours = item && key === prefix + item.choice.event_id;
    if (ours && Math.abs(now() - item.queued) < AGE) {
      items.push(item);
      continue;
    }
    area.remove(key);
    if (ours) refused(item.choice, NEVER);
  }
  items.sort((a, b) => a.queued - b.queued);
  for (const { key } of items.splice(0, items.length - ITEMS)) area.remove(key);
  return items;
};

/** Anything may be in storage; what is not exactly a choice is dropped. */
const readItem = (key: string, text: string): Item | null =>
  attempt(() => {
    if (text.length > LENGTH) return null;
    const { queued, choice } = like(parsed(text), { queued: 0, choice: bare({}) as Choice });
    return {
      key,
      queued,
      choice: bare({
        ...like(choice, SAMPLE),
        // What an earlier build of this page left has none.
        ...(choice.after && { after: like(choice.after, { seq: 0, event_id: "" }) }),
        categories: flags(choice.categories, false, true),
        services: flags(choice.services, false, true),
      }),
    };
  });

/** What is too old has no record and never will have one. */
const NEVER: Answer = { status: 0, body: "", wait: 0 };
const SAMPLE = bare({
  event_id: "",
  action: "save" as Action,
  notice_version: "",
  language: "",
  layer: 0 as Layer,
  control: "",
  client_time: "",
});

/** The record of that choice, and not a hotel's log-in page. */
const readRecord = ({ status, body }: Answer, choice: Choice): Recorded | null =>
  attempt(() => {
    if (status !== 200 && status !== 201) return null;
    const record = like(parsed(body), { event_id: "", token: "" });
    return record.event_id === choice.event_id ? record : null;
  });
