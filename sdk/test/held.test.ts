// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { mount } from "../src/held/index";
import type { Host } from "../src/host";
import type { Act, CategoryRule, Rules, Snapshot, Words } from "../src/types";
import { areaOf } from "./area";
import { bootFor, disclosed, optIn, rule, wordsFor } from "./boot";
import { CONSENTED, forgetLater, locale, snapshotOf, turn } from "./interface";

const ENGLISH = wordsFor("en", {
  texts: locale("en"),
  services: [disclosed("player", "functional", { name: "Trail film" })],
});
const FILM =
  '<video data-category="functional" data-service="player" data-src="https://third.test/f"></video>';

interface Setup {
  html?: string;
  rules?: Partial<Rules>;
  /** What is different about the rules for "functional". */
  functional?: Partial<CategoryRule>;
  now?: Partial<Snapshot>;
  age?: number;
  words?: (language: string) => Promise<Words>;
  local?: Map<string, string>;
}

/** A page with held things on it, and a core that lets load what it is told to. */
const standIn = async (setup: Setup = {}) => {
  const { html = FILM, functional = {}, age = null, local = new Map() } = setup;
  document.body.innerHTML = html;
  forgetLater();
  const categories = [
    rule("necessary", { locked: true, default: "granted" }),
    rule("functional", functional),
    rule("analytics"),
    rule("marketing", { sale: true, gpc: true }),
  ];
  const permitted = new Set<Element>();
  const acts: Act[] = [];
  const errors: unknown[] = [];
  const words = vi.fn(setup.words ?? (async () => ENGLISH));
  const known: Partial<Host> = {
    boot: bootFor(optIn({ categories, ...setup.rules })),
    local: areaOf(local),
    age: () => age,
    snapshot: () => snapshotOf({}, setup.now),
    permits: (held) => permitted.has(held),
    once: (held) => void permitted.add(held),
    choose: (act) => void acts.push(act),
    fail: (cause) => void errors.push(cause),
    words,
  };
  const { update } = mount(known as Host, wordsFor());
  await turn();
  return { acts, errors, permitted, update, words };
};

const boxes = () => [...document.querySelectorAll("holdfire-ui")];
const held = () => document.querySelector<HTMLElement>("[data-src]") as HTMLElement;
const parts = (selector: string) =>
  boxes().flatMap((box) => [...(box.shadowRoot?.querySelectorAll<HTMLElement>(selector) ?? [])]);
const said = () => parts("p").map((line) => line.textContent);
const named = () => parts("button").map((button) => button.textContent);
const press = (control: string) => parts(`[data-control=${control}]`)[0]?.click();

beforeEach(() => {
  // Nothing is laid out here: every box is as large as a small video.
  vi.spyOn(HTMLElement.prototype, "offsetWidth", "get").mockReturnValue(320);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(180);
});

afterEach(() => {
  vi.restoreAllMocks();
  document.body.innerHTML = "";
});

describe("a held thing", () => {
  test("has its name, the reason and two controls in its place", async () => {
    await standIn();
    expect(said()).toEqual([
      "Trail film is not loaded",
      "This content comes from Trail film. To show it, data about you is sent there, and Trail film may store data on your device.",
      "Off until you allow it.",
    ]);
    expect(named()).toEqual(["Load once", "Always allow: Preferences"]);
    expect(parts("[role=group]")[0]?.getAttribute("aria-labelledby")).toBe(parts("p")[0]?.id);
    expect(held().previousElementSibling).toBe(boxes()[0]);
    expect(held().style.display).toBe("none");
  });

  test("that no service is named for has the name of its category, and of its host", async () => {
    await standIn({
      html: '<video data-category="marketing" data-src="https://v.test/a.mp4"></video>',
    });
    expect(said()[0]).toBe("Marketing is not loaded");
    expect(said()[1]).toContain("comes from v.test.");
  });

  test("of every kind that leaves a hole has one, and nothing else has", async () => {
    const marks = 'data-category="functional" data-src="https://third.test/"';
    const kinds = ["iframe", "video", "audio", "object", "img", "script", "template"];
    await standIn({
      html: `${kinds.map((kind) => `<${kind} ${marks} style="display: block"></${kind}>`).join("")}<embed ${marks}>`,
    });
    expect(boxes().map((box) => box.nextElementSibling?.localName)).toEqual([
      "iframe",
      "video",
      "audio",
      "object",
      "embed",
    ]);
  });

  test("too small for a control is left as it is", async () => {
    vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(1);
    await standIn();
    expect(boxes()).toEqual([]);
    expect(held().hasAttribute("style")).toBe(false);
  });

  test("that the site does not display stays so", async () => {
    await standIn({ html: FILM.replace("<video", '<video style="display: none"') });
    expect(boxes().every((box) => getComputedStyle(box).display === "none")).toBe(true);
    expect(held().style.display).toBe("none");
  });
});

describe("loading once", () => {
  test("lets this one element load, and decides nothing", async () => {
    const { acts, permitted } = await standIn({ html: FILM + FILM });
    press("load_once");
    expect([...permitted]).toEqual([held()]);
    expect(acts).toEqual([]);
    expect(boxes()).toHaveLength(1);
    expect(held().hasAttribute("style")).toBe(false);
  });

  test("ends when it is taken back, and the place is filled again", async () => {
    const { permitted, update } = await standIn();
    press("load_once");
    permitted.clear();
    update();
    expect(boxes()).toHaveLength(1);
  });
});

describe("always allowing", () => {
  test("is a choice: what holds now, and this category", async () => {
    const { acts } = await standIn({ now: snapshotOf({ analytics: CONSENTED }) });
    press("always_allow");
    expect(acts).toEqual([
      {
        action: "save",
        categories: { functional: true, analytics: true, marketing: false },
        services: {},
        layer: 1,
        control: "always_allow",
        language: "en",
      },
    ]);
  });

  test("lifts this service's own refusal, and no other", async () => {
    const prior = { services: { player: false, ga4: false } } as unknown as Snapshot["prior"];
    const { acts } = await standIn({
      now: snapshotOf(
        { functional: CONSENTED },
        { prior, services: { player: { allow: false, reason: "choice_denied" } } },
      ),
    });
    expect(said()[2]).toBe("You have refused this.");
    press("always_allow");
    expect(acts[0]?.services).toEqual({ ga4: false });
  });

  test("names the category that is still denied where two have a say", async () => {
    const { acts } = await standIn({
      html: FILM.replace('"functional"', '"analytics"'),
      now: snapshotOf({ analytics: CONSENTED }),
    });
    expect(named()[1]).toBe("Always allow: Preferences");
    press("always_allow");
    expect(acts[0]?.categories.functional).toBe(true);
  });
});

describe("where no act of the visitor can allow it", () => {
  const minor = { functional: { allow: false, reason: "minor" } } as const;
  const gpc = { gpc: true, dnt: null };
  const cases: [string, Setup, string][] = [
    [
      "a ban for the visitor's age",
      { functional: { minors: [[0, 15, "ban"]] }, age: 15, now: snapshotOf(minor) },
      "Off because special rules protect young people.",
    ],
    [
      "an age that nobody has told yet",
      {
        functional: { minors: [[0, 12, "parental_opt_in"]] },
        rules: { ask_age: true },
        now: snapshotOf(minor),
      },
      "Off because special rules protect young people.",
    ],
    ["a law that no consent unlocks", { functional: { consent_cannot_unlock: true } }, ""],
    [
      "a signal that stands",
      {
        functional: { gpc: true },
        rules: { conflict_rule: "signal_wins_until_reconfirmed_known" },
        now: snapshotOf({ functional: { allow: false, reason: "gpc" } }, { signals: gpc }),
      },
      "Off because your browser sends the Global Privacy Control signal. A choice on this page does not change that.",
    ],
    [
      "a category that the site does not have",
      { html: FILM.replace('"functional"', '"foreign"') },
      "Off because this service is not known to this site.",
    ],
  ];

  test.each(cases)("%s is told, and nothing offered", async (_, setup, why) => {
    await standIn(setup);
    expect(said()[2]).toBe(why);
    expect(named()).toEqual([]);
  });

  test("an age at which the visitor may decide is no such case", async () => {
    await standIn({
      functional: { minors: [[13, 15, "opt_in"]] },
      age: 14,
      now: snapshotOf(minor),
    });
    expect(named()).toHaveLength(2);
  });

  test("a signal that a choice outweighs is told, whatever else denies it", async () => {
    await standIn({
      functional: { gpc: true },
      now: snapshotOf({ functional: { allow: false, reason: "choice_denied" } }, { signals: gpc }),
    });
    expect(said()[2]).toBe(
      "Off because your browser sends the Global Privacy Control signal. What you allow here counts instead of the signal.",
    );
    expect(named()).toHaveLength(2);
  });
});

describe("as the page goes on", () => {
  test("what is added later gets a place, and what is removed takes it along", async () => {
    await standIn({ html: "" });
    document.body.insertAdjacentHTML("beforeend", `<div>${FILM}</div>`);
    await turn();
    expect(boxes()).toHaveLength(1);
    held().remove();
    await turn();
    expect(boxes()).toEqual([]);
  });

  test("what is allowed from elsewhere gets its place back as it was", async () => {
    const styled = FILM.replace("<video", '<video style="display: block; width: 50%"');
    const { permitted, update } = await standIn({ html: styled });
    const before = "display: block; width: 50%;";
    permitted.add(held());
    update();
    expect(boxes()).toEqual([]);
    expect(held().getAttribute("style")).toBe(before);
  });

  test("words that cannot be had are told, and asked for again at the next change", async () => {
    let down = true;
    const { errors, update } = await standIn({
      words: async () => {
        if (down) throw new Error("no way to the words");
        return ENGLISH;
      },
    });
    expect([errors.length, boxes().length]).toEqual([1, 0]);
    down = false;
    update();
    await turn();
    expect(boxes()).toHaveLength(1);
  });

  test("the language is the one that was picked", async () => {
    const arabic = { ...ENGLISH, language: "ar", direction: "rtl", texts: locale("ar") } as Words;
    await standIn({
      local: new Map([["holdfire:demo:language", "ar"]]),
      words: async (language) => (language === "ar" ? arabic : ENGLISH),
    });
    const [group] = parts("[role=group]");
    expect([group?.lang, group?.dir]).toEqual(["ar", "rtl"]);
    expect(said()[0]).toBe(arabic.texts["held.title"]?.replace("{name}", "Trail film"));
  });

  test("texts of the page stay texts", async () => {
    const html =
      '<video data-category="&lt;img onerror=alert(1)&gt;" data-src="https://a.test/"></video>';
    await standIn({ html });
    expect(said()[0]).toBe("<img onerror=alert(1)> is not loaded");
    expect(parts("img")).toEqual([]);
  });
});
