/** Reading what anybody may have written: storage, cookies, answers. Each throws on a misfit. */

import { adopt, freeze, keys, parse, table } from "./natives";
import type { Table } from "./types";

const misfit = (what: string): never => {
  throw new TypeError(`misfit: ${what}`);
};

/** A JSON text as a value without prototypes. */
export const parsed = (text: string): Table<unknown> => Object(adopt(parse(text)));

/** The members of `sample`, each of the sample's type. Whatever else is there is left out. */
export const like = <T extends object>(given: unknown, sample: T): T => {
  const found = table<unknown>();
  for (const key of keys(sample)) {
    const value = (given as Table<unknown>)[key];
    found[key] = typeof value === typeof sample[key as keyof T] ? value : misfit(key);
  }
  return found as T;
};

/** A table whose members are all `no` or `yes`, as booleans. */
export const flags = (given: unknown, no: unknown, yes: unknown): Table<boolean> => {
  const found = table<boolean>();
  for (const key of keys(given as object)) {
    const value = (given as Table<unknown>)[key];
    found[key] = value === yes || (value !== no && misfit(key));
  }
  return freeze(found);
};

/** What `read` gives, or `null` where it throws. */
export const attempt = <T>(read: () => T): T | null => {
  try {
    return read();
  } catch {
    return null;
  }
};
