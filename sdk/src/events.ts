/** Telling the page. Its listeners may throw as they like: nothing of it comes back here. */

import { table } from "./natives";
import { attempt } from "./shape";
import type { Cancel, Events, Listener } from "./types";

export interface Speaker {
  on<E extends keyof Events>(event: E, listener: Listener<E>): Cancel;
  off<E extends keyof Events>(event: E, listener: Listener<E>): void;
  emit<E extends keyof Events>(event: E, told: Events[E]): void;
  /** Runs a function of the page, or one that works on what the page handed in. */
  run(task: () => void): void;
  /** Tells of an error: the listeners each time, the console once. */
  fail(cause: unknown): void;
}

export const openSpeaker = (): Speaker => {
  const listeners = table<Set<(told: never) => void>>();
  const logged = table<boolean>();
  let failing = false;

  const emit: Speaker["emit"] = (event, told) => {
    for (const listener of [...(listeners[event] ?? [])]) run(() => listener(told as never));
  };

  const run = (task: () => void) => {
    try {
      task();
    } catch (cause) {
      fail(cause);
    }
  };

  const fail = (cause: unknown) => {
    // Not every value that can be thrown can be turned into text.
    const text = attempt(() => String(cause)) ?? "";
    if (!logged[text]) console.error("holdfire:", cause);
    logged[text] = true;
    // A listener for errors that throws is not told of its own.
    if (failing) return;
    failing = true;
    emit("error", { cause });
    failing = false;
  };

  const off: Speaker["off"] = (event, listener) => {
    listeners[event]?.delete(listener);
  };

  return {
    on: (event, listener) => {
      listeners[event] ??= new Set();
      if (typeof listener === "function") listeners[event].add(listener);
      return () => off(event, listener);
    },
    off,
    emit,
    run,
    fail,
  };
};
