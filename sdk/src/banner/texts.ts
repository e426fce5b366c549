import type { Table, Words } from "../types";

/** The text of a key in the visitor's language, its `{placeholders}` filled in. */
export type Say = (key: string, values?: Table<string>) => string;

/**
 * Speaks the words that hold now. The service hands over a complete table, so a missing key is a
 * fault of the site's own making and shows as nothing, never as an exception in the page.
 */
export function speaker(words: () => Words): Say {
  return (key, values = {}) =>
    (words().texts[key] ?? "").replace(/\{(\w+)\}/g, (hole, name: string) => values[name] ?? hole);
}

/** Whether these are all the words there are, rather than those that came with the boot script. */
export function isWhole({ languages, language }: Words): boolean {
  return language in languages;
}
