/**
 * Builtins as they were when this script began, and values that no page can reach into.
 *
 * Other scripts of the page may have put members on `Object.prototype`. A table without a
 * prototype has only the members it was given, so a missing one reads as missing.
 */

import type { Table } from "./types";

export const { parse, stringify } = JSON;
export const { apply, get, set } = Reflect;
export const { assign, create, freeze, keys } = Object;

/** An empty table. */
export const table = <T>(): Table<T> => create(null);

/** A copy without a prototype, one level deep: for bodies, and for options the browser reads. */
export const bare = <T extends object>(members: T): T => assign(create(null), members);

/** A frozen copy of a JSON value, all of its tables without a prototype. */
export const adopt = <T>(value: T): T => {
  if (typeof value !== "object" || !value) return value;
  // A list is copied by its numbers: pages have replaced what lists do.
  const copy = Array.isArray(value) ? ([] as never as Table<unknown>) : table<unknown>();
  for (const key of keys(value)) copy[key] = adopt((value as Table<unknown>)[key]);
  return freeze(copy) as T;
};
