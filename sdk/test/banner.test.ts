// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Scene } from "../src/banner/scene";
import type { Table } from "../src/types";
import { disclosed, SITE, wordsFor } from "./boot";
import {
  all,
  BY_GPC,
  bootOf,
  CONSENTED,
  control,
  DENIED,
  GRANTED,
  isSeen,
  locale,
  one,
  press,
  snapshotOf,
  stand,
  turn,
  US_BOOT,
  US_SNAPSHOT,
  wordsOf,
} from "./interface";

// The build gives a sheet's text without its comments; its colours are what matters here.
vi.mock("../src/banner/banner.css", async () => {
  const { readFile } = await import("node:fs/promises");
  const source = await readFile(`${import.meta.dirname}/../src/tokens.css`, "utf8");
  return { default: source.replace(/\/\*.*?\*\//gs, "") };
});

/** What came with the boot script: enough for the first layer. */
const FIRST_WORDS = wordsOf("en", { languages: {} });

const region = () => one("[role=region]");
const isAsked = () => all("[data-layer='1']").length === 1;

function pressEscape(target: HTMLElement): void {
  target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
}

/** Gives every element a size, which nothing has where nothing is drawn. */
function drawn(): void {
  const box = { width: 320, height: 200 } as DOMRect;
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(box);
}

/** Makes this a tab that nobody looks at. */
function unwatched(): void {
  vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
}

beforeEach(() => {
  document.body.innerHTML = "";
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the first layer", () => {
  test("offers accept and refuse as the same kind of element in the same style", async () => {
    await stand().show("banner");
    const [accept, reject] = [control("accept_all"), control("reject_all")];
    expect(reject.tagName).toBe(accept.tagName);
    expect(reject.className).toBe(accept.className);
    expect(reject.parentNode).toBe(accept.parentNode);
    expect([...reject.attributes].map(({ name }) => name)).toEqual(
      [...accept.attributes].map(({ name }) => name),
    );
  });

  test("is a named region of a page that stays usable, not a modal dialog", async () => {
    await stand().show("banner");
    const card = region();
    expect(one(`#${card.getAttribute("aria-labelledby")}`).textContent).toBe(
      "Your choice about cookies",
    );
    expect(card.hasAttribute("aria-modal")).toBe(false);
    expect(all("dialog")).toEqual([]);
  });

  test("comes first in the body and takes no focus", async () => {
    const field = document.createElement("input");
    document.body.append(field);
    field.focus();
    await stand().show("banner");
    expect(document.body.firstElementChild?.localName).toBe("holdfire-ui");
    expect(document.activeElement).toBe(field);
  });

  test("leaves the top of the body as it was once it is hidden", async () => {
    const main = document.createElement("main");
    document.body.append(main);
    const { banner, show } = stand();
    await show("banner");
    banner.hide();
    expect(document.body.firstElementChild).toBe(main);
  });

  test("needs nothing but what came with the boot script, and fetches what sends", async () => {
    const { show, fetched, host } = stand({ words: FIRST_WORDS, chunks: { preferences: null } });
    await show("banner");
    expect(isAsked()).toBe(true);
    expect(fetched).toEqual([]);
    expect(host.courier).toHaveBeenCalled();
  });

  test("has a control that closes it and refuses where the law asks for one", async () => {
    const italy = stand({ boot: bootOf({ close: true }) });
    await italy.show("banner");
    control("close").click();
    expect(italy.acts).toEqual([
      expect.objectContaining({ action: "reject_all", control: "close", layer: 1 }),
    ]);
  });

  test("has none where the law asks for none", async () => {
    await stand().show("banner");
    expect(all('[data-control="close"]')).toEqual([]);
  });

  test("is not stopped by markup that poses as a member of the document", async () => {
    const posing = document.createElement("img");
    posing.setAttribute("name", "createElement");
    Object.defineProperty(document, "createElement", { value: posing, configurable: true });
    onTestFinished(() => {
      delete (document as { createElement?: unknown }).createElement;
    });
    await stand().show("banner");
    expect(isAsked()).toBe(true);
  });

  test("takes Escape for nothing at all", async () => {
    const { show, acts } = stand();
    await show("banner");
    pressEscape(control("accept_all"));
    expect(acts).toEqual([]);
    expect(isAsked()).toBe(true);
  });

  test.each([
    ["accept_all", true],
    ["reject_all", false],
  ])("%s names every unlocked category", async (name, allow) => {
    const { show, acts } = stand();
    await show("banner");
    press(name);
    expect(acts).toEqual([
      {
        action: name,
        categories: { functional: allow, analytics: allow, marketing: allow },
        services: {},
        layer: 1,
        control: name,
        language: "en",
      },
    ]);
    expect(isAsked()).toBe(false);
  });

  test("of a notice is acknowledged, which decides nothing new", async () => {
    const { show, acts } = stand({
      boot: bootOf({ model: "notice", surface: "notice" }),
      snapshot: snapshotOf({ analytics: GRANTED }, { prompt: "notice" }),
    });
    await show("banner");
    expect(all('[data-control="accept_all"]')).toEqual([]);
    press("acknowledge");
    expect(acts).toMatchObject([
      {
        action: "acknowledge",
        categories: { functional: false, analytics: true, marketing: false },
      },
    ]);
  });

  test("goes away when the question was answered in another tab", async () => {
    const { show, now, acts } = stand();
    await show("banner");
    await now(snapshotOf({}, { prompt: "link" }));
    expect(isAsked()).toBe(false);
    expect(acts).toEqual([]);
  });

  test("tells of a signal that counts together with the question", async () => {
    const signals = { gpc: true, dnt: null };
    const { show } = stand({ snapshot: snapshotOf({ marketing: BY_GPC }, { signals }) });
    await show("banner");
    expect(one(".note").textContent).toContain("opt-out from: Marketing.");
    expect(one(".note").textContent).toContain("counts instead of the signal");
  });

  test("says nothing of a signal that has no force", async () => {
    const signals = { gpc: true, dnt: null };
    const categories = bootOf().rules.categories.map((rule) => ({ ...rule, gpc: false }));
    const boot = bootOf({ categories });
    await stand({ boot, snapshot: snapshotOf({}, { signals }) }).show("banner");
    expect(isAsked()).toBe(true);
    expect(all(".note")).toEqual([]);
  });

  test("stays when what it leads to cannot be had, and an error is told", async () => {
    const { show, errors } = stand({ chunks: { preferences: null } });
    await show("banner");
    press("settings");
    await turn();
    expect(isAsked()).toBe(true);
    expect(errors).toEqual(["Error: no way to preferences"]);
  });

  test("is led back to from the preference centre", async () => {
    const { show } = stand();
    await show("banner");
    press("settings");
    await turn();
    expect(all("[data-layer='2']")).toHaveLength(1);
    press("close");
    await turn();
    expect(all("[data-layer='2']")).toEqual([]);
    expect(control("settings").getRootNode()).toHaveProperty("activeElement", control("settings"));
  });
});

test.each(["banner", "preferences"] as const)(
  "whatever asks has what makes an act of the answer fetched: %s",
  async (view) => {
    const { show, host } = stand();
    expect(host.act).not.toHaveBeenCalled();
    await show(view);
    expect(host.act).toHaveBeenCalled();
  },
);

describe("the look", () => {
  test.each(["box", "bar", "dialog"] as const)("of a %s is told by a class", async (layout) => {
    await stand({ boot: bootOf({}, { look: { layout } }) }).show("banner");
    expect(region().className).toBe(`card ${layout}`);
  });

  test("is a box where the site says nothing", async () => {
    await stand().show("banner");
    expect(region().className).toBe("card box");
  });

  test("has the site's own colours, but for those that the page itself says", async () => {
    const look = { light: { accent: "#123456", text: "#111" }, dark: { accent: "#abcdef" } };
    document.documentElement.style.setProperty("--hf-text", "red");
    onTestFinished(() => document.documentElement.removeAttribute("style"));
    await stand({ boot: bootOf({}, { look }) }).show("banner");
    const { style } = region().closest<HTMLElement>(".root") as HTMLElement;
    expect(style.getPropertyValue("--hf-accent")).toBe("light-dark(#123456,#abcdef)");
    expect(style.getPropertyValue("--hf-text")).toBe("");
  });

  test("has a colour that is named for the dark theme alone beside our own light one", async () => {
    const look = { light: { fg: "#123456" }, dark: { accent: "#abcdef", on_accent: "#fedcba" } };
    await stand({ boot: bootOf({}, { look }) }).show("banner");
    const { style } = region().closest<HTMLElement>(".root") as HTMLElement;
    expect(style.getPropertyValue("--hf-accent")).toBe("light-dark(#173a5e,#abcdef)");
    expect(style.getPropertyValue("--hf-on-accent")).toBe("light-dark(#fff,#fedcba)");
    expect(style.getPropertyValue("--hf-fg")).toBe("light-dark(#123456,#123456)");
  });

  test("has the light colours alone where a browser knows no others", async () => {
    vi.stubGlobal("CSS", { supports: () => false });
    const look = { light: { accent: "#123456" }, dark: { accent: "#abcdef" } };
    await stand({ boot: bootOf({}, { look }) }).show("banner");
    const { style } = region().closest<HTMLElement>(".root") as HTMLElement;
    expect(style.getPropertyValue("--hf-accent")).toBe("#123456");
  });
});

describe("a dialog that the page waits for", () => {
  const boot = bootOf({}, { look: { layout: "dialog", blocking: true } });

  test("is modal, and its heading takes the focus", async () => {
    await stand({ boot }).show("banner");
    const dialog = one<HTMLDialogElement>("dialog");
    expect(dialog.getAttribute("aria-modal")).toBe("true");
    expect(dialog.open).toBe(true);
    const heading = one(`#${dialog.getAttribute("aria-labelledby")}`);
    expect(heading.getRootNode()).toHaveProperty("activeElement", heading);
  });

  test("can be left without deciding, and asks again when it is wanted again", async () => {
    const { show, acts } = stand({ boot });
    await show("banner");
    // The browser turns Escape into this event of a modal dialog.
    one<HTMLDialogElement>("dialog").close();
    await turn();
    expect(acts).toEqual([]);
    expect(isAsked()).toBe(false);
    expect(isSeen(control("preferences"))).toBe(true);
    await show("banner");
    expect(isAsked()).toBe(true);
  });

  test("stays when it is drawn anew in another language", async () => {
    const { show } = stand({ boot, chunks: { preferences: picking("de") } });
    await show("banner");
    press("language");
    await turn();
    expect(one<HTMLDialogElement>("dialog").open).toBe(true);
  });
});

describe("a layer that is not to be seen", () => {
  const patience = 4_000;

  test.each(["banner", "preferences"] as const)(
    "is taken away, and an error told: %s",
    async (view) => {
      const { show, errors, acts } = stand();
      await warm();
      vi.useFakeTimers();
      void show(view);
      await vi.advanceTimersByTimeAsync(patience - 1);
      expect(all("[data-layer]")).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(100);
      expect(all("[data-layer]")).toEqual([]);
      expect(errors).toEqual([`Error: ${view}: drawn, but not to be seen`]);
      expect(acts).toEqual([]);
    },
  );

  test.each<[string, () => void]>([
    ["that is seen", drawn],
    ["in a tab that nobody looks at", unwatched],
  ])("is not one %s", async (_, given) => {
    given();
    const { show, errors } = stand();
    vi.useFakeTimers();
    void show("banner");
    await vi.advanceTimersByTimeAsync(2 * patience);
    expect(isAsked()).toBe(true);
    expect(errors).toEqual([]);
  });

  test("is not one that was answered meanwhile", async () => {
    const { show, errors } = stand();
    vi.useFakeTimers();
    void show("banner");
    await vi.advanceTimersByTimeAsync(patience / 2);
    press("reject_all");
    await vi.advanceTimersByTimeAsync(2 * patience);
    expect(errors).toEqual([]);
  });
});

describe("robots", () => {
  const browses = (userAgent: string) => {
    vi.stubGlobal("navigator", { userAgent, webdriver: false, language: "en" });
  };
  const robot = "Mozilla/5.0 (compatible; Examplebot/1.0; +https://bot.example)";
  const visitor = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

  test("that say so are not asked where the site wants it", async () => {
    browses(robot);
    const { show, banner } = stand({ boot: bootOf({}, { look: { hide_from_bots: true } }) });
    await show("banner");
    banner.embed(document.body);
    banner.update(snapshotOf());
    await turn();
    expect(document.body.childElementCount).toBe(0);
  });

  test("are visitors like others where it does not", async () => {
    browses(robot);
    await stand().show("banner");
    expect(isAsked()).toBe(true);
  });

  test("are not who only visits", async () => {
    browses(visitor);
    await stand({ boot: bootOf({}, { look: { hide_from_bots: true } }) }).show("banner");
    expect(isAsked()).toBe(true);
  });
});

describe("another language", () => {
  const tongue = `holdfire:${SITE}:language`;

  test("is offered where there is one, by the name of the one that is spoken", async () => {
    await stand().show("banner");
    expect(control("language").textContent).toBe("English");
    expect(control("language").getAttribute("aria-label")).toContain("English");
  });

  test("is not offered where there is none", async () => {
    await stand({ words: wordsOf("en", { more: false }) }).show("banner");
    expect(all('[data-control="language"]')).toEqual([]);
  });

  test("is spoken as soon as it is picked, said in the record, and remembered", async () => {
    const local = new Map<string, string>();
    const { show, acts } = stand({ local, chunks: { preferences: picking("ar") } });
    await show("banner");
    press("language");
    await turn();
    expect([region().lang, region().dir]).toEqual(["ar", "rtl"]);
    expect(one("h2").textContent).toBe(locale("ar")["banner.title.opt_in"]);
    expect(local.get(tongue)).toBe("ar");
    press("accept_all");
    expect(acts).toMatchObject([{ language: "ar" }]);
  });

  test("that was picked on an earlier page is spoken from the start", async () => {
    const { show, fetched } = stand({ local: new Map([[tongue, "de"]]) });
    await show("banner");
    expect(region().lang).toBe("de");
    expect(fetched).toEqual(["de"]);
  });
});

describe("a visitor whose age is to be asked", () => {
  const boot = bootOf({ ask_age: true });
  let go = () => {};
  const age = {
    ageQuestion: (_scene: Scene, _more: unknown, on: () => void) => {
      go = on;
      const node = document.createElement("section");
      node.id = "age";
      const rest = () => {};
      return { node, open: rest, update: rest, close: () => node.remove() };
    },
  };

  test("is asked for it first, and for the rest afterwards", async () => {
    const setup = { boot, chunks: { age }, age: null as number | null };
    const { show, host } = stand(setup);
    await show("banner");
    expect([all("#age").length, isAsked()]).toEqual([1, false]);
    Object.assign(host, { age: () => 30 });
    go();
    await turn();
    expect([all("#age").length, isAsked()]).toEqual([0, true]);
  });

  test("is not asked anything more where the age settles the matter", async () => {
    const { show, host, now } = stand({ boot, chunks: { age } });
    await show("banner");
    Object.assign(host, { age: () => 12 });
    await now(snapshotOf({}, { prompt: "link" }));
    go();
    await turn();
    expect([all("#age").length, isAsked()]).toEqual([0, false]);
  });

  test("is not asked for it twice", async () => {
    await stand({ boot, chunks: { age }, age: 30 }).show("banner");
    expect([all("#age").length, isAsked()]).toEqual([0, true]);
  });
});

describe("the way back", () => {
  const answered = snapshotOf({}, { prompt: "link" });
  const consented = snapshotOf({ analytics: CONSENTED }, { prompt: "link" });

  test("is there whenever the first layer is not, at the end of the body", async () => {
    const { banner, show, now } = stand({ snapshot: answered });
    await now(answered);
    document.body.prepend(document.createElement("main"));
    await turn();
    expect(isSeen(control("preferences"))).toBe(true);
    expect(document.body.lastElementChild?.localName).toBe("holdfire-ui");
    await show("banner");
    expect(isSeen(control("preferences"))).toBe(false);
    banner.hide();
    await turn();
    expect(isSeen(control("preferences"))).toBe(true);
  });

  test("opens the preference centre and gets the focus back", async () => {
    const { now } = stand({ snapshot: answered });
    await now(answered);
    press("preferences");
    await turn();
    press("close");
    await turn();
    const settings = control("preferences");
    expect(settings.getRootNode()).toHaveProperty("activeElement", settings);
  });

  test("is not shown where the law asks for nothing", async () => {
    const nothing = snapshotOf({}, { prompt: "none" });
    await stand({ snapshot: nothing }).now(nothing);
    expect(isSeen(control("preferences"))).toBe(false);
  });

  test("leaves it to the page's own link, but for a status that the law wants seen", async () => {
    const own = document.createElement("a");
    own.dataset.holdfire = "preferences";
    own.textContent = "Privacy";
    document.body.append(own);
    vi.spyOn(own, "getClientRects").mockReturnValue([{}] as unknown as DOMRectList);
    const { now } = stand({ boot: US_BOOT, snapshot: US_SNAPSHOT });
    await now(US_SNAPSHOT);
    expect(isSeen(control("preferences"))).toBe(false);
    await now({ ...US_SNAPSHOT, opt_out_status: "required" });
    expect(isSeen(control("preferences"))).toBe(true);
    expect(control("preferences").textContent).toContain("Opt-Out Request Honored");
  });

  test("bears the statutory label and icon", async () => {
    const links = [{ id: "choices", label: "Your Privacy Choices", icon: true }];
    await stand({ boot: { ...US_BOOT, links }, snapshot: US_SNAPSHOT }).now(US_SNAPSHOT);
    expect(control("preferences").textContent).toContain("Your Privacy Choices");
    expect(control("preferences").querySelectorAll("path")).toHaveLength(4);
  });

  test.each([
    [consented, true],
    [answered, false],
    [US_SNAPSHOT, false],
  ])("offers to withdraw only while a consent stands (%#)", async (snapshot, offered) => {
    await stand({ snapshot }).now(snapshot);
    expect(isSeen(control("withdraw"))).toBe(offered);
    expect(isSeen(control("preferences"))).toBe(true);
  });

  test("withdraws by one press, says so, and then offers it no more", async () => {
    const { now, acts } = stand({ snapshot: consented });
    await now(consented);
    press("withdraw");
    expect(acts).toEqual([
      {
        action: "withdraw",
        categories: { functional: false, analytics: false, marketing: false },
        services: {},
        layer: 1,
        control: "withdraw",
        language: "en",
      },
    ]);
    expect(one("[role=status]").textContent).toBe("Saved. Your permission has been withdrawn.");
    await now(
      snapshotOf({ analytics: { ...DENIED, reason: "choice_denied" } }, { prompt: "link" }),
    );
    expect(isSeen(control("withdraw"))).toBe(false);
  });

  test("speaks with all the words there are, whatever came with the boot script", async () => {
    const { now, fetched } = stand({ snapshot: consented, words: FIRST_WORDS });
    await now(consented);
    expect(fetched).toEqual(["en"]);
    expect(control("withdraw").textContent).toContain("Withdraw");
  });

  test("that cannot be had is told as an error, and tried again", async () => {
    const chunks: Table<unknown> = { corner: null };
    const { now, errors } = stand({ snapshot: answered, chunks });
    await now(answered);
    expect(errors).toEqual(["Error: no way to corner"]);
    delete chunks.corner;
    await now(answered);
    expect(isSeen(control("preferences"))).toBe(true);
  });

  test("announces politely what was saved", async () => {
    const { show } = stand();
    await show("banner");
    press("reject_all");
    expect(one("[role=status]").textContent).toBe("Saved: all rejected.");
  });
});

describe("isolation", () => {
  test("never parses a text as markup", async () => {
    for (const sink of ["innerHTML", "outerHTML"] as const) {
      vi.spyOn(Element.prototype, sink, "set").mockImplementation(() => {
        throw new Error(sink);
      });
    }
    const evil = "<img src=x onerror=alert(1)>";
    const texts = new Proxy({} as Table<string>, { get: () => evil, has: () => true });
    const services = [disclosed("ga", "analytics", { name: evil, policy: "javascript:alert(1)" })];
    const urls = { imprint: " javascript:alert(1)" };
    const { show, banner } = stand({
      words: wordsFor("en", { texts, services, urls }),
      snapshot: snapshotOf({ analytics: CONSENTED, marketing: BY_GPC }),
    });
    await show("banner");
    expect(all("img, a, script, [onerror]")).toEqual([]);
    expect(one("[role=region] h2").textContent).toBe(evil);
    banner.hide();
    await turn();
    expect(all("img, a, script, [onerror]")).toEqual([]);
    expect(control("withdraw").textContent).toBe(evil);
  });

  test("comes back when a script takes away what it does not know", async () => {
    await stand().show("banner");
    document.body.replaceChildren(document.createElement("main"));
    await turn();
    expect(isAsked()).toBe(true);
  });

  test("follows the page to a new body", async () => {
    await stand().show("banner");
    document.body.replaceWith(document.createElement("body"));
    await turn();
    expect(document.body.firstElementChild?.localName).toBe("holdfire-ui");
    expect(isAsked()).toBe(true);
  });
});

/** The chunk of the preference centre, in which the visitor picks a language at once. */
function picking(language: string) {
  return {
    languageList: (scene: Scene) => {
      void scene.speak(language);
      return document.createElement("select");
    },
  };
}

/** Has the chunks loaded, so that no real time passes for them later. */
async function warm(): Promise<void> {
  await import("../src/preferences/index");
}
