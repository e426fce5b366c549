// @vitest-environment happy-dom
import { afterEach, describe, expect, test } from "vitest";
import { centre, embedded, languageList } from "../src/preferences/index";
import { disclosed, optIn, optOut, rule } from "./boot";
import { bootOf, DENIED, GRANTED, snapshotOf, turn, wordsOf } from "./interface";
import { lenient, type Staging, sceneOf, staged } from "./scene";

afterEach(() => document.body.replaceChildren());

const LANGUAGES = { en: "English", fr: "Français", ar: "العربية" };

const SERVICE = disclosed("ga", "analytics", {
  name: "Counter",
  text: "Counts visits.",
  provider: "Counter Ltd",
  recipients: ["Cloud One", "Cloud Two"],
  legal_basis: "legitimate_interest",
  cookies: [
    { name: "_ga*", purpose: "<b>Tells visits apart</b>", lifetime: "2 years" },
    { name: "_s", purpose: "", lifetime: "session" },
    { name: "_x", purpose: "", lifetime: "as long as it likes" },
  ],
});

function region(given: Staging = {}) {
  const set = sceneOf({ words: lenient({ services: [SERVICE] }), ...given });
  const layer = embedded(set.scene);
  staged(layer.node);
  layer.open();
  const all = <E extends HTMLElement>(selector: string) => [
    ...layer.node.querySelectorAll<E>(selector),
  ];
  return { ...set, layer, all };
}

function unfold(node: ParentNode): void {
  for (const details of node.querySelectorAll("details")) {
    details.dispatchEvent(new Event("toggle"));
  }
}

describe("a service", () => {
  test("says what it is for, who has the data, and on what grounds", () => {
    const { layer, all } = region();
    unfold(layer.node);
    expect(all("li p").map((line) => line.textContent)).toEqual([
      "Counts visits.",
      "Provider: Counter Ltd",
      "Also sent to: Cloud One and Cloud Two",
      "Legal basis: legitimate interest",
    ]);
  });

  test("lists its cookies in a table, with lifetimes in the visitor's language, as text only", () => {
    const words = lenient({ services: [SERVICE], language: "fr" });
    const { layer, all } = region({ words });
    unfold(layer.node);
    const rows = all<HTMLTableRowElement>("tr").map((row) =>
      [...row.children].map((cell) => cell.textContent),
    );
    expect(rows).toEqual([
      ["Cookies", "Purpose", "Kept for"],
      ["_ga*", "<b>Tells visits apart</b>", "2 ans"],
      ["_s", "", "Until you close the browser"],
      ["_x", "", "as long as it likes"],
    ]);
    expect(all('tr th[scope="row"]')).toHaveLength(3);
  });
});

describe("the switch for sensitive data", () => {
  const rules = optOut({
    categories: [
      rule("functional", { default: "granted", sensitive: true }),
      rule("marketing", { default: "granted", sale: true }),
    ],
  });
  const links = [
    { id: "choices", label: "Your Privacy Choices", icon: true },
    { id: "limit", label: "Limit the Use of My Sensitive Personal Information", icon: false },
  ];
  const held = snapshotOf({ functional: GRANTED, marketing: GRANTED });

  test("stands under its statutory label and agrees with its categories", () => {
    const { layer, acts, all } = region({ boot: bootOf(rules, { links }), snapshot: held });
    const one = layer.node.querySelector<HTMLInputElement>("#sensitive");
    expect(one?.checked).toBe(true);
    expect(all("h3").map((heading) => heading.textContent)).toContain(
      `${links[1]?.label}Use of my sensitive personal information`,
    );
    one?.click();
    expect(all<HTMLInputElement>("#category-functional")[0]?.checked).toBe(false);
    all("[data-control=save]")[0]?.click();
    expect({ ...acts[0]?.categories }).toEqual({ functional: false, marketing: true });
  });

  test("is not there where no category is sensitive", () => {
    const { all } = region({ boot: bootOf(optOut(), { links: links.slice(0, 1) }) });
    expect(all("#sale")).toHaveLength(1);
    expect(all("#sensitive")).toHaveLength(0);
  });
});

describe("embedded in a page", () => {
  test("it is a region with a name, without a way to close it, and takes no focus", () => {
    const before = document.activeElement;
    const { layer, all } = region();
    expect(layer.node.getAttribute("role")).toBe("region");
    const name = layer.node.getAttribute("aria-labelledby");
    expect(all(`#${name}`).map((heading) => heading.textContent)).toEqual(["Cookie settings"]);
    expect(all("[data-control=close],dialog")).toEqual([]);
    expect(document.activeElement).toBe(before);
  });

  test("follows what holds, but not under the visitor's hand", () => {
    const { layer, all, hold } = region();
    const analytics = all<HTMLInputElement>("#category-analytics")[0];
    hold(snapshotOf({ analytics: GRANTED }));
    layer.update();
    expect(analytics?.checked).toBe(true);
    analytics?.click();
    hold(snapshotOf({ analytics: GRANTED, functional: GRANTED }));
    layer.update();
    expect(analytics?.checked).toBe(false);
  });

  test("shows what holds again once something was decided", () => {
    const { all, hold, scene } = region();
    const analytics = all<HTMLInputElement>("#category-analytics")[0];
    analytics?.click();
    hold(snapshotOf({ analytics: DENIED }));
    expect(scene.snapshot().categories.analytics).toBe(DENIED);
    all("[data-control=reject_all]")[0]?.click();
    expect(analytics?.checked).toBe(false);
  });

  test("speaks the other language once another was picked", () => {
    const { layer, all, scene } = region();
    scene.words = wordsOf("de", { services: [] });
    layer.update();
    expect(layer.node.lang).toBe("de");
    expect(all("[data-control=save]")[0]?.textContent).toBe("Auswahl speichern");
  });
});

describe("the list of languages", () => {
  test("names each language in itself, and speaks the one that is picked", async () => {
    const words = wordsOf("en", { languages: LANGUAGES });
    const { scene } = sceneOf({ words });
    const list = staged(languageList(scene, document.createElement("button")));
    const options = [...list.querySelectorAll("option")];
    expect(options.map(({ lang, textContent }) => [lang, textContent])).toEqual(
      Object.entries(LANGUAGES),
    );
    const select = list.querySelector("select") as HTMLSelectElement;
    expect([select.value, select.labels?.[0]?.textContent]).toEqual([
      "en",
      `Language${Object.values(LANGUAGES).join("")}`,
    ]);
    select.value = "fr";
    select.dispatchEvent(new Event("change"));
    await turn();
    expect(scene.words.language).toBe("fr");
  });

  test("says so, politely, when the other language cannot be had, and stays with this one", async () => {
    const host = { words: () => Promise.reject(new Error("away")) };
    const { scene, errors } = sceneOf({ words: wordsOf("en", { languages: LANGUAGES }), host });
    const list = staged(languageList(scene, document.createElement("button")));
    const select = list.querySelector("select") as HTMLSelectElement;
    select.value = "fr";
    select.dispatchEvent(new Event("change"));
    await turn();
    const status = list.querySelector("[role=status]");
    expect(status?.textContent).toBe(scene.say("preferences.failed"));
    expect(select.value).toBe("en");
    expect(errors).toHaveLength(1);
  });
});

describe("the visitor's history", () => {
  test("is put in the place of its button", async () => {
    const history = () => {
      const made = document.createElement("section");
      made.textContent = "what was recorded";
      return made;
    };
    const { all, layer } = region({ chunks: { history: { history } } });
    all("[data-control=history]")[0]?.click();
    await turn();
    expect(layer.node.textContent).toContain("what was recorded");
    expect(all("[data-control=history]")).toEqual([]);
  });

  test("that cannot be had is told politely, and nothing is thrown", async () => {
    const { all, errors, scene } = region();
    all("[data-control=history]")[0]?.click();
    await turn();
    const said = all("[role=status]").map((status) => status.textContent);
    expect(said).toContain(scene.say("preferences.failed"));
    expect(errors).toHaveLength(1);
  });
});

test("a switch that no choice can turn on, because of the visitor's age, cannot be turned", () => {
  const banned = rule("marketing", { minors: [[0, 17, "ban"]] });
  const asked = rule("analytics", { minors: [[0, 17, "opt_in"]] });
  const minor = { allow: false, reason: "minor" } as const;
  const { all } = region({
    boot: bootOf(optIn({ categories: [asked, banned] })),
    snapshot: snapshotOf({ analytics: minor, marketing: minor }),
    local: { "holdfire:demo:age": "12" },
  });
  const usable = all<HTMLInputElement>("[id^=category-]").map(({ disabled }) => !disabled);
  expect(usable).toEqual([true, false]);
});

test("closing the dialog decides nothing and tells who opened it", () => {
  const { scene, acts } = sceneOf({ words: lenient() });
  let left = 0;
  const layer = centre(scene, () => {
    left++;
  });
  const dialog = staged(layer.node) as HTMLDialogElement;
  layer.open();
  dialog.querySelector<HTMLElement>("[data-control=close]")?.click();
  expect([acts.length, left]).toEqual([0, 1]);
});
