import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** The texts that count, as the files have them: language → text → its forms. */
const folder = new URL("../../config/locales/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".toml"));
const counting = /^"(.+)\.(zero|one|two|few|many|other)" = "(.+)"$/gm;

const formsOf = (file: string): Map<string, Map<string, string>> => {
  const found = new Map<string, Map<string, string>>();
  for (const [, key = "", form = "", text = ""] of readFileSync(
    new URL(file, folder),
    "utf8",
  ).matchAll(counting)) {
    found.set(key, (found.get(key) ?? new Map()).set(form, text));
  }
  return found;
};

const languageOf = (file: string) => file.replace(".toml", "");

test("every language is looked at", () => {
  expect(files.length).toBeGreaterThanOrEqual(60);
  expect(Intl.PluralRules.supportedLocalesOf(files.map(languageOf))).toHaveLength(files.length);
});

test.each(files)("%s has the plural forms of CLDR, and no others", (file) => {
  const categories = new Intl.PluralRules(languageOf(file)).resolvedOptions().pluralCategories;
  const forms = formsOf(file);

  expect(forms.size).toBeGreaterThan(0);
  for (const [key, texts] of forms) {
    expect([...texts.keys()].sort(), key).toEqual([...categories].sort());
  }
});

test.each(files)("%s says the number in every form", (file) => {
  for (const texts of formsOf(file).values()) {
    for (const text of texts.values()) expect(text).toContain("{count}");
  }
});
