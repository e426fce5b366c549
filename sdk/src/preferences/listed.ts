/// <reference lib="es2021.intl" />
import type { Words } from "../types";

/** "A, B and C", as the language joins a list (Unicode CLDR list patterns). */
export function listed({ language }: Words, items: Iterable<string>): string {
  return new Intl.ListFormat(language).format(items);
}
