/** What the adapters share: what is allowed, when that is told, and how a tag is reached. */

import type { Host } from "../host";
import type { Part, Snapshot, Table } from "../types";

// All that is needed of `natives.ts`, whose other members would come along.
const { keys } = Object;

export type Kind = "functional" | "analytics" | "marketing";

export interface Options {
  /** The ids behind each kind of use: the site's categories of it, its services of this adapter. */
  readonly kinds: Readonly<Record<Kind, readonly string[]>>;
}

/** One thing that is said: the arguments of a call. */
export type Call = readonly unknown[];

/** All that is to be said, made anew each time: whoever hears it may do with it as they like. */
export type Said = () => readonly Call[];

/** A way to a tag. Saying may throw: whoever has it said is on guard. */
export interface Line {
  say(calls: Said): void;
  /** Gives back what was taken from the page. */
  stop?: () => void;
}

/**
 * A part that says what `callsFor` has for what holds, each time that this is something else. What
 * may be done is worked out from what holds, and none of it is ever read back.
 */
export const adapter = (
  host: Host,
  { kinds }: Options,
  { say, stop }: Line,
  callsFor: (may: (kind: Kind) => boolean, snapshot: Snapshot) => readonly Call[],
): Part => {
  let last = "";
  return {
    settle: (snapshot) => {
      const calls = () => callsFor((kind) => permits(host, kinds[kind]), snapshot);
      const now = textOf(calls());
      if (now === last) return;
      say(calls);
      // Only now: what could not be said is said again, the next time that anything is settled.
      last = now;
    },
    stop: () => stop?.(),
  };
};

/** Whether all of this is allowed, and there is any of it. */
export const permits = (host: Host, ids: readonly string[]): boolean =>
  !!ids[0] && ids.every((id) => host.decision(id).allow);

/** The same for each name that a tag has for something, by the ids that it stands for. */
export const permitsEach = (host: Host, names: Table<readonly string[]>): Table<boolean> => {
  const each: Table<boolean> = {};
  for (const name of keys(names)) each[name] = permits(host, names[name] ?? []);
  return each;
};

/** Where silence is consent, who opposes the sale of data opposes advertising too. */
export const sells = (host: Host, { sale_or_share }: Snapshot): boolean =>
  sale_or_share.allow || host.boot.rules.model !== "opt_out";

/** Whether the visitor is being asked, and has not said anything yet. */
export const isOpen = ({ prior, prompt }: Snapshot): boolean => !prior && prompt === "banner";

/** A signal in the words that most tags have for it. */
export const granted = (allowed: boolean): string => (allowed ? "granted" : "denied");

/** What calls say, to tell one from another. No JSON: of that a page may have its own idea. */
const textOf = (said: unknown): string =>
  said instanceof Object
    ? `${keys(said).map((key) => key + textOf((said as Table<unknown>)[key]))}`
    : `${said}`;

/** Whatever the page has, by name. It may be anything. */
// biome-ignore lint/suspicious/noExplicitAny: an object of somebody else's code has no type here.
export const page: Record<string, any> = window;

/** The queue of this name, which its tag reads once it is there: the page's, or a new one. */
export const queue = (name: string): { push(...entries: unknown[]): void } => {
  if (typeof page[name]?.push !== "function") page[name] = [];
  return page[name];
};

/**
 * A line to a tag that has no queue before its own snippet makes one, where an early queue would
 * keep that snippet from loading the tag, or be taken for the tag by the page's code. So the name is
 * watched: whoever comes by it hears what holds before the page's first use of it.
 *
 * `speak` gives `false` where it was not heard yet: it is tried again at each use, and once the
 * script that made use of it is through.
 */
export const reach = (
  name: string,
  // biome-ignore lint/suspicious/noExplicitAny: an object of somebody else's code has no type here.
  speak: (tag: any, calls: any) => unknown,
): Required<Line> => {
  let tag: unknown = page[name];
  let due: Said | null = null;
  let last: Said | null = null;
  let fault: unknown;
  const attempt = () => {
    const said = due;
    if (!said || !tag) return;
    // To speak is to use it, and so would begin all over again.
    due = fault = null;
    try {
      if (speak(tag, said()) === false) due = said;
    } catch (cause) {
      // It may be only half there: its snippet is still at work.
      due = said;
      fault = cause;
    }
  };
  const use = () => {
    attempt();
    if (due) queueMicrotask(attempt);
    return tag;
  };
  const watch = (how: PropertyDescriptor) =>
    Reflect.defineProperty(window, name, { configurable: true, ...how });
  watch({
    get: use,
    set: (next) => {
      tag = next;
      due = last;
      use();
    },
  });
  return {
    say: (calls) => {
      due = fault = null;
      // A declaration of the page may have taken the place of ours.
      tag = page[name];
      due = last = calls;
      attempt();
      if (fault) throw fault;
    },
    stop: () => {
      due = last = null;
      watch({ value: page[name], writable: true });
    },
  };
};
