import type { Table } from "../types";

/** The text of a key in the visitor's language, its `{placeholders}` filled in. */
export type Say = (key: string, values?: Table<string>) => string;

/**
 * Speaks the boot script's texts. The service hands over a complete table, so a missing key is a
 * fault of the site's own making and shows as nothing, never as an exception in the page.
 */
export function speaker(texts: Table<string>): Say {
  return (key, values = {}) =>
    (texts[key] ?? "").replace(/\{(\w+)\}/g, (hole, name: string) => values[name] ?? hole);
}
