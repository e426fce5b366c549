import type { Area } from "../src/storage";

/** A storage area that a test can look into. */
export const areaOf = (items: Map<string, string>): Area => ({
  get: (key) => items.get(key) ?? null,
  set: (key, value) => void items.set(key, value),
  remove: (key) => void items.delete(key),
  keys: () => [...items.keys()],
});
