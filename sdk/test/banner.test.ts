// @vitest-environment happy-dom
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { mount } from "../src/banner/index";
import type { Act, Banner, BannerHost, Boot, Decision, Rules, Snapshot, Table } from "../src/types";
import { bootFor, optIn, optOut, rule, service } from "./boot";

// ---------------------------------------------------------------- a site and a visitor

function locale(language: string): Table<string> {
  const file = join(import.meta.dirname, "../../config/locales", `${language}.toml`);
  const lines = readFileSync(file, "utf8").matchAll(/^"(.+?)" = "(.*)"$/gm);
  return Object.fromEntries([...lines].map(([, key = "", text = ""]) => [key, text]));
}

/** English, and an error for any text that is not there. */
const ENGLISH = new Proxy(locale("en"), {
  get(texts, key) {
    const text = texts[String(key)];
    if (text === undefined) throw new Error(`no text for ${String(key)}`);
    return text;
  },
});

const SERVICES = ["ga", "plausible"].map((id) => service(id, "analytics"));
const MORE = { services: SERVICES, texts: ENGLISH };

function bootOf(rules: Partial<Rules> = {}): Boot {
  return bootFor(optIn(rules), MORE);
}

const DENIED: Decision = { allow: false, reason: "default_denied" };
const GRANTED: Decision = { allow: true, reason: "default_granted" };
const BY_GPC: Decision = { allow: false, reason: "gpc" };

function snapshotOf(
  categories: Table<Decision> = {},
  more: Partial<Omit<Snapshot, "categories">> = {},
): Snapshot {
  return {
    categories: {
      necessary: { allow: true, reason: "necessary" },
      functional: DENIED,
      analytics: DENIED,
      marketing: DENIED,
      ...categories,
    },
    services: {},
    sale_or_share: DENIED,
    prompt: "banner",
    opt_out_status: "none",
    signals: { gpc: false, dnt: null },
    prior: null,
    ...more,
  };
}

const US_BOOT = bootFor(optOut(), MORE);
const US_SNAPSHOT = snapshotOf(
  { functional: GRANTED, analytics: GRANTED, marketing: GRANTED },
  { prompt: "link" },
);

// ---------------------------------------------------------------- the page, and hands to use it

interface Stand {
  banner: Banner;
  acts: Act[];
  closed: () => void;
  now(next: Snapshot): void;
}

function stand(boot = bootOf(), first = snapshotOf()): Stand {
  let snapshot = first;
  const acts: Act[] = [];
  const closed = vi.fn();
  const host: BannerHost = {
    boot,
    base: "https://consent.example",
    snapshot: () => snapshot,
    choose: (act) => acts.push(act),
    closed,
  };
  const banner = mount(host);
  onTestFinished(() => banner.hide());
  const now = (next: Snapshot) => {
    snapshot = next;
    banner.update(next);
  };
  return { banner, acts, closed, now };
}

/** Everything in the page, shadow trees of the interface included. */
function all<E extends HTMLElement>(selector: string): E[] {
  const stages = [...document.querySelectorAll("holdfire-ui")];
  return stages.flatMap(({ shadowRoot }) => [...(shadowRoot?.querySelectorAll<E>(selector) ?? [])]);
}

function one<E extends HTMLElement = HTMLElement>(selector: string): E {
  const [found, ...others] = all<E>(selector);
  if (!found || others.length) throw new Error(`${others.length + 1} of ${selector}`);
  return found;
}

const control = (name: string) => one<HTMLButtonElement>(`[data-control="${name}"]`);
const press = (name: string) => control(name).click();
const switchOf = (id: string) => one<HTMLInputElement>(`input[role=switch][id="${id}"]`);
const categorySwitches = () => all<HTMLInputElement>('input[id^="category-"]');
const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));

function unfold(): void {
  for (const details of all<HTMLDetailsElement>("details")) {
    details.open = true;
    details.dispatchEvent(new Event("toggle"));
  }
}

function pressEscape(target: HTMLElement): void {
  target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
}

beforeEach(() => {
  document.body.innerHTML = "";
});

afterEach(() => {
  vi.restoreAllMocks();
});

// ---------------------------------------------------------------- what must be so

describe("the first layer", () => {
  test("offers accept and refuse as the same kind of element in the same style", () => {
    stand().banner.show("banner");
    const [accept, reject] = [control("accept_all"), control("reject_all")];
    expect(reject.tagName).toBe(accept.tagName);
    expect(reject.className).toBe(accept.className);
    expect(reject.parentNode).toBe(accept.parentNode);
    expect([...reject.attributes].map(({ name }) => name)).toEqual(
      [...accept.attributes].map(({ name }) => name),
    );
  });

  test("is a named region of a page that stays usable, not a modal dialog", () => {
    stand().banner.show("banner");
    const card = one("[role=region]");
    expect(one(`#${card.getAttribute("aria-labelledby")}`).textContent).toBe(
      "Your choice about cookies",
    );
    expect(card.hasAttribute("aria-modal")).toBe(false);
    expect(all("dialog")).toEqual([]);
  });

  test("comes first in the body and takes no focus", () => {
    const field = document.createElement("input");
    document.body.append(field);
    field.focus();
    stand().banner.show("banner");
    expect(document.body.firstElementChild?.localName).toBe("holdfire-ui");
    expect(document.activeElement).toBe(field);
  });

  test("leaves the body as it was once it is hidden", () => {
    const main = document.createElement("main");
    document.body.append(main);
    const { banner } = stand();
    banner.show("banner");
    banner.hide();
    expect(document.body.firstElementChild).toBe(main);
  });

  test("has a control that closes it and refuses only where the law asks for one", () => {
    const italy = stand(bootOf({ close: true }));
    italy.banner.show("banner");
    control("close").click();
    expect(italy.acts).toEqual([
      expect.objectContaining({ action: "reject_all", control: "close", layer: 1 }),
    ]);
    document.body.replaceChildren();
    stand(bootOf()).banner.show("banner");
    expect(() => control("close")).toThrow();
  });

  test("is not stopped by markup that poses as a member of the document", () => {
    const posing = document.createElement("img");
    posing.setAttribute("name", "createElement");
    Object.defineProperty(document, "createElement", { value: posing, configurable: true });
    onTestFinished(() => {
      delete (document as { createElement?: unknown }).createElement;
    });
    stand().banner.show("banner");
    expect(all("[role=region]")).toHaveLength(1);
  });

  test("takes Escape for nothing at all", () => {
    const { banner, acts, closed } = stand();
    banner.show("banner");
    pressEscape(control("accept_all"));
    expect(acts).toEqual([]);
    expect(closed).not.toHaveBeenCalled();
    expect(all("[role=region]")).toHaveLength(1);
  });

  test.each([
    ["accept_all", true],
    ["reject_all", false],
  ])("%s names every unlocked category", (name, allow) => {
    const { banner, acts } = stand();
    banner.show("banner");
    press(name);
    expect(acts).toEqual([
      {
        action: name,
        categories: { functional: allow, analytics: allow, marketing: allow },
        services: {},
        layer: 1,
        control: name,
      },
    ]);
    expect(all("[role=region]")).toEqual([]);
  });

  test("of a notice is acknowledged, which decides nothing new", () => {
    const boot = bootOf({ model: "notice", surface: "notice" });
    const { banner, acts } = stand(boot, snapshotOf({ analytics: GRANTED }, { prompt: "notice" }));
    banner.show("banner");
    expect(all('[data-control="accept_all"]')).toEqual([]);
    press("acknowledge");
    expect(acts).toMatchObject([
      {
        action: "acknowledge",
        categories: { functional: false, analytics: true, marketing: false },
      },
    ]);
  });

  test("goes away when the question was answered in another tab", () => {
    const { banner, now, acts } = stand();
    banner.show("banner");
    now(snapshotOf({}, { prompt: "link" }));
    expect(all("[role=region]")).toEqual([]);
    expect(acts).toEqual([]);
  });
});

describe("the preference centre", () => {
  test("is modal, named like the way back, and takes the focus", () => {
    stand().banner.show("preferences");
    const dialog = one("dialog");
    expect(dialog.getAttribute("aria-modal")).toBe("true");
    const heading = one(`#${dialog.getAttribute("aria-labelledby")}`);
    expect(heading.textContent).toBe(control("preferences").textContent?.replace(/Opt-Out.*/, ""));
    expect(heading.getRootNode()).toHaveProperty("activeElement", heading);
  });

  test("has no switch on before a choice where the law asks for consent", () => {
    stand().banner.show("preferences");
    unfold();
    const switches = all<HTMLInputElement>("input");
    expect(switches.map(({ id }) => id)).toEqual([
      "category-functional",
      "category-analytics",
      "service-ga",
      "service-plausible",
      "category-marketing",
    ]);
    expect(switches.filter(({ checked }) => checked)).toEqual([]);
  });

  test("shows what holds now", () => {
    stand(
      bootOf(),
      snapshotOf({ analytics: { allow: true, reason: "choice_granted" } }),
    ).banner.show("preferences");
    expect(categorySwitches().map(({ checked }) => checked)).toEqual([false, true, false]);
  });

  test("closed with Escape or the cross decides nothing and gives the focus back", () => {
    const { banner, acts, closed } = stand();
    const opener = document.createElement("button");
    document.body.append(opener);
    for (const leave of [
      () => press("close"),
      // The browser turns Escape into this event of a modal dialog.
      () => one<HTMLDialogElement>("dialog").close(),
    ]) {
      banner.show("preferences", opener);
      switchOf("category-marketing").click();
      leave();
      expect(all("dialog")).toEqual([]);
      expect(document.activeElement).toBe(opener);
    }
    expect(acts).toEqual([]);
    expect(closed).toHaveBeenCalledTimes(2);
  });

  test("opened from the first layer leads back to it", () => {
    const { banner, closed } = stand();
    banner.show("banner");
    press("settings");
    press("close");
    expect(control("settings").getRootNode()).toHaveProperty("activeElement", control("settings"));
    expect(closed).not.toHaveBeenCalled();
  });

  test("saves exactly the switches", () => {
    const { banner, acts } = stand();
    banner.show("preferences");
    switchOf("category-analytics").click();
    press("save");
    expect(acts).toEqual([
      {
        action: "save",
        categories: { functional: false, analytics: true, marketing: false },
        services: {},
        layer: 2,
        control: "save",
      },
    ]);
  });

  test("lets a service be refused inside its category, and never be allowed outside it", () => {
    const { banner, acts } = stand();
    banner.show("preferences");
    unfold();
    expect(switchOf("service-ga").disabled).toBe(true);
    switchOf("category-analytics").click();
    expect(switchOf("service-ga").checked).toBe(true);
    switchOf("service-ga").click();
    expect(switchOf("service-plausible").checked).toBe(true);
    press("save");
    expect(acts).toMatchObject([{ categories: { analytics: true }, services: { ga: false } }]);
  });

  test("remembers a service that was refused before", () => {
    const prior = {
      action: "save" as const,
      categories: { functional: false, analytics: true, marketing: false },
      services: { ga: false },
      shown_services: ["ga", "plausible"],
      notice_version: "0".repeat(16),
      recorded_at: 0,
      valid_until: 1,
      gpc_noticed: false,
      dnt_noticed: false,
      by_signal: false,
      left_on: [],
    };
    const analytics: Decision = { allow: true, reason: "choice_granted" };
    stand(bootOf(), snapshotOf({ analytics }, { prior })).banner.show("preferences");
    unfold();
    expect(switchOf("service-ga").checked).toBe(false);
    expect(switchOf("service-plausible").checked).toBe(true);
  });

  test("follows a change from elsewhere until the visitor has touched a switch", () => {
    const { banner, now } = stand();
    const granted = snapshotOf({ functional: { allow: true, reason: "choice_granted" } });
    banner.show("preferences");
    now(granted);
    expect(switchOf("category-functional").checked).toBe(true);
    switchOf("category-functional").click();
    now(granted);
    expect(switchOf("category-functional").checked).toBe(false);
  });

  test("cannot switch on what no consent may unlock", () => {
    stand(bootOf({ categories: [rule("marketing", { consent_cannot_unlock: true })] })).banner.show(
      "preferences",
    );
    expect(switchOf("category-marketing").disabled).toBe(true);
  });
});

describe("an opt-out regime", () => {
  test("puts one switch for sale and sharing first, which agrees with its categories", () => {
    stand(US_BOOT, US_SNAPSHOT).banner.show("preferences");
    expect(all("input")[0]?.id).toBe("sale");
    switchOf("sale").click();
    expect(switchOf("category-marketing").checked).toBe(false);
    switchOf("category-marketing").click();
    expect(switchOf("sale").checked).toBe(true);
  });

  test("records switching sale off as an opt-out, and a wish of one's own as a choice", () => {
    const { banner, acts, now } = stand(US_BOOT, US_SNAPSHOT);
    banner.show("preferences");
    switchOf("sale").click();
    press("save");
    now(snapshotOf({ functional: GRANTED }, { prompt: "link" }));
    banner.show("preferences");
    switchOf("category-analytics").click();
    press("save");
    expect(acts).toMatchObject([
      { action: "opt_out", categories: { functional: true, analytics: true, marketing: false } },
      { action: "save", categories: { functional: true, analytics: true, marketing: false } },
    ]);
  });

  test("bears the statutory label and icon", () => {
    const links = [{ id: "choices", label: "Your Privacy Choices", icon: true }];
    stand({ ...US_BOOT, links }, US_SNAPSHOT);
    expect(control("preferences").textContent).toContain("Your Privacy Choices");
    expect(control("preferences").querySelectorAll("path")).toHaveLength(4);
  });
});

describe("signals of the browser", () => {
  const signals = { gpc: true, dnt: null };

  test.each(["banner", "preferences"] as const)("are told on the %s where they count", (view) => {
    stand(bootOf(), snapshotOf({ marketing: BY_GPC }, { signals })).banner.show(view);
    expect(one(".note").textContent).toContain("opt-out from: Marketing.");
    expect(one(".note").textContent).toContain("counts instead of the signal");
  });

  test("are not mentioned where they have no force", () => {
    const categories = optIn().categories.map((one) => ({ ...one, gpc: false }));
    stand(bootOf({ categories }), snapshotOf({}, { signals })).banner.show("banner");
    expect(all(".note")).toEqual([]);
  });

  test("are mentioned where a yes would be given in the face of them, whatever denies now", () => {
    const refused: Decision = { allow: false, reason: "choice_denied" };
    stand(bootOf(), snapshotOf({ marketing: refused }, { signals })).banner.show("preferences");
    expect(one(".note").textContent).toContain("Global Privacy Control");
  });

  test("leave no switch that could not win over them", () => {
    const boot = bootOf({ conflict_rule: "signal_wins_until_reconfirmed_known" });
    stand(boot, snapshotOf({ marketing: BY_GPC }, { signals })).banner.show("preferences");
    expect(categorySwitches().map(({ disabled }) => disabled)).toEqual([false, false, true]);
    expect(one(".note").textContent).toContain("A choice on this page does not change that.");
  });

  test("are said to be overridden where the visitor allowed it here", () => {
    const marketing: Decision = { allow: true, reason: "choice_granted" };
    stand(bootOf(), snapshotOf({ marketing }, { signals })).banner.show("preferences");
    expect(one(".note").textContent).toContain("here you have allowed: Marketing.");
  });

  test("that were honoured show the status the law wants, with the page's own link or without", async () => {
    const own = document.createElement("a");
    own.dataset.holdfire = "preferences";
    own.textContent = "Privacy";
    document.body.append(own);
    stand(US_BOOT, { ...US_SNAPSHOT, opt_out_status: "required" });
    await frame();
    expect(control("preferences").hidden).toBe(false);
    expect(control("preferences").textContent).toContain("Opt-Out Request Honored");
  });
});

describe("the way back", () => {
  const answered = snapshotOf({}, { prompt: "link" });

  test("is there whenever the first layer is not, at the end of the body", async () => {
    const { banner } = stand(bootOf(), answered);
    document.body.prepend(document.createElement("main"));
    await frame();
    expect(control("preferences").hidden).toBe(false);
    expect(document.body.lastElementChild?.localName).toBe("holdfire-ui");
    banner.show("banner");
    expect(control("preferences").hidden).toBe(true);
    banner.hide();
    await frame();
    expect(control("preferences").hidden).toBe(false);
  });

  test("opens the preference centre and gets the focus back", () => {
    stand(bootOf(), answered);
    press("preferences");
    press("close");
    const pill = control("preferences");
    expect(pill.getRootNode()).toHaveProperty("activeElement", pill);
  });

  test("is not shown where the law asks for nothing", async () => {
    stand(bootOf(), snapshotOf({}, { prompt: "none" }));
    await frame();
    expect(control("preferences").hidden).toBe(true);
  });

  test("announces politely what was saved", () => {
    const { banner } = stand();
    banner.show("banner");
    press("reject_all");
    expect(one("[role=status]").textContent).toBe("Saved: all rejected.");
  });
});

describe("isolation", () => {
  test("never parses a text as markup", () => {
    for (const sink of ["innerHTML", "outerHTML"] as const) {
      vi.spyOn(Element.prototype, sink, "set").mockImplementation(() => {
        throw new Error(sink);
      });
    }
    const evil = "<img src=x onerror=alert(1)>";
    const texts = new Proxy({} as Table<string>, { get: () => evil, has: () => true });
    const hostile = service("ga", "analytics", {
      name: evil,
      provider: evil,
      policy: "javascript:alert(1)",
      cookies: [{ name: evil, purpose: evil, lifetime: evil }],
    });
    const urls = { imprint: " javascript:alert(1)" };
    const boot = { ...bootOf(), texts, services: [hostile], urls };
    const { banner } = stand(boot, snapshotOf({ marketing: BY_GPC }));
    banner.show("banner");
    banner.show("preferences");
    unfold();
    expect(all("img, a, script, [onerror]")).toEqual([]);
    expect(one("[role=region] h2").textContent).toBe(evil);
  });

  test("follows the page to a new body", async () => {
    const { banner } = stand();
    banner.show("banner");
    document.body.replaceWith(document.createElement("body"));
    await frame();
    expect(document.body.firstElementChild?.localName).toBe("holdfire-ui");
    expect(all("[role=region]")).toHaveLength(1);
  });
});

describe("the languages", () => {
  test.each(["de"])("%s has every text, with the same placeholders", (language) => {
    const holes = (texts: Table<string>) =>
      Object.entries(texts).map(([key, text]) => [key, (text.match(/\{\w+\}/g) ?? []).sort()]);
    expect(holes(locale(language))).toEqual(holes(locale("en")));
  });
});
