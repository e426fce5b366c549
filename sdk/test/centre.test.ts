// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Decision, Prior, Table } from "../src/types";
import { disclosed, optIn, rule, wordsFor } from "./boot";
import {
  all,
  BY_GPC,
  bootOf,
  CONSENTED,
  control,
  GRANTED,
  one,
  press,
  snapshotOf,
  stand,
  turn,
  US_BOOT,
  US_SNAPSHOT,
} from "./interface";

const switchOf = (id: string) => one<HTMLInputElement>(`input[role=switch][id="${id}"]`);
const categorySwitches = () => all<HTMLInputElement>('input[id^="category-"]');

function unfold(): void {
  for (const details of all<HTMLDetailsElement>("details")) {
    details.open = true;
    details.dispatchEvent(new Event("toggle"));
  }
}

beforeEach(() => {
  document.body.innerHTML = "";
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the preference centre", () => {
  test("is modal, named, and takes the focus", async () => {
    await stand().show("preferences");
    const dialog = one("dialog");
    expect(dialog.getAttribute("aria-modal")).toBe("true");
    const heading = one(`#${dialog.getAttribute("aria-labelledby")}`);
    expect(heading.textContent).toBe("Cookie settings");
    expect(heading.getRootNode()).toHaveProperty("activeElement", heading);
  });

  test("has no switch on before a choice where the law asks for consent", async () => {
    await stand().show("preferences");
    unfold();
    const switches = all<HTMLInputElement>("input[role=switch]");
    expect(switches.map(({ id }) => id)).toEqual([
      "category-functional",
      "category-analytics",
      "service-ga",
      "service-plausible",
      "category-marketing",
    ]);
    expect(switches.filter(({ checked }) => checked)).toEqual([]);
  });

  test("shows what holds now", async () => {
    await stand({ snapshot: snapshotOf({ analytics: CONSENTED }) }).show("preferences");
    expect(categorySwitches().map(({ checked }) => checked)).toEqual([false, true, false]);
  });

  test("closed with Escape or the cross decides nothing and gives the focus back", async () => {
    const { show, acts } = stand();
    const opener = document.createElement("button");
    document.body.append(opener);
    for (const leave of [
      () => press("close"),
      // The browser turns Escape into this event of a modal dialog.
      () => one<HTMLDialogElement>("dialog").close(),
    ]) {
      await show("preferences", opener);
      switchOf("category-marketing").click();
      leave();
      await turn();
      expect(all("dialog")).toEqual([]);
      expect(document.activeElement).toBe(opener);
    }
    expect(acts).toEqual([]);
  });

  test("saves exactly the switches", async () => {
    const { show, acts } = stand();
    await show("preferences");
    switchOf("category-analytics").click();
    press("save");
    expect(acts).toEqual([
      {
        action: "save",
        categories: { functional: false, analytics: true, marketing: false },
        services: {},
        layer: 2,
        control: "save",
        language: "en",
      },
    ]);
  });

  test.each([
    ["accept_all", true],
    ["reject_all", false],
  ])("has %s as the first layer has it", async (name, allow) => {
    const { show, acts } = stand();
    await show("preferences");
    press(name);
    expect(acts).toMatchObject([
      {
        action: name,
        categories: { functional: allow, analytics: allow, marketing: allow },
        layer: 2,
        control: name,
      },
    ]);
  });

  test("lets a service be refused inside its category, and never be allowed outside it", async () => {
    const { show, acts } = stand();
    await show("preferences");
    unfold();
    expect(switchOf("service-ga").disabled).toBe(true);
    switchOf("category-analytics").click();
    expect(switchOf("service-ga").checked).toBe(true);
    switchOf("service-ga").click();
    expect(switchOf("service-plausible").checked).toBe(true);
    press("save");
    expect(acts).toMatchObject([{ categories: { analytics: true }, services: { ga: false } }]);
  });

  test("remembers a service that was refused before", async () => {
    const prior: Prior = {
      action: "save",
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
    const snapshot = snapshotOf({ analytics: CONSENTED }, { prior });
    await stand({ snapshot }).show("preferences");
    unfold();
    expect(switchOf("service-ga").checked).toBe(false);
    expect(switchOf("service-plausible").checked).toBe(true);
  });

  test("follows a change from elsewhere until the visitor has touched a switch", async () => {
    const { show, now } = stand();
    const granted = snapshotOf({ functional: CONSENTED });
    await show("preferences");
    await now(granted);
    expect(switchOf("category-functional").checked).toBe(true);
    switchOf("category-functional").click();
    await now(granted);
    expect(switchOf("category-functional").checked).toBe(false);
  });

  test("cannot switch on what no consent may unlock", async () => {
    const boot = bootOf({ categories: [rule("marketing", { consent_cannot_unlock: true })] });
    await stand({ boot }).show("preferences");
    expect(switchOf("category-marketing").disabled).toBe(true);
  });
});

describe("an opt-out regime", () => {
  test("puts one switch for sale and sharing first, which agrees with its categories", async () => {
    await stand({ boot: US_BOOT, snapshot: US_SNAPSHOT }).show("preferences");
    expect(all("input[role=switch]")[0]?.id).toBe("sale");
    switchOf("sale").click();
    expect(switchOf("category-marketing").checked).toBe(false);
    switchOf("category-marketing").click();
    expect(switchOf("sale").checked).toBe(true);
  });

  test("records switching sale off as an opt-out, and a wish of one's own as a choice", async () => {
    const { show, acts, now } = stand({ boot: US_BOOT, snapshot: US_SNAPSHOT });
    await show("preferences");
    switchOf("sale").click();
    press("save");
    await now(snapshotOf({ functional: GRANTED }, { prompt: "link" }));
    await show("preferences");
    switchOf("category-analytics").click();
    press("save");
    expect(acts).toMatchObject([
      { action: "opt_out", categories: { functional: true, analytics: true, marketing: false } },
      { action: "save", categories: { functional: true, analytics: true, marketing: false } },
    ]);
  });
});

describe("signals of the browser", () => {
  const signals = { gpc: true, dnt: null };

  test("are told where they count", async () => {
    await stand({ snapshot: snapshotOf({ marketing: BY_GPC }, { signals }) }).show("preferences");
    expect(one(".note").textContent).toContain("opt-out from: Marketing.");
    expect(one(".note").textContent).toContain("counts instead of the signal");
  });

  test("are not mentioned where they have no force", async () => {
    const categories = optIn().categories.map((one) => ({ ...one, gpc: false }));
    const boot = bootOf({ categories });
    await stand({ boot, snapshot: snapshotOf({}, { signals }) }).show("preferences");
    expect(all("dialog")).toHaveLength(1);
    expect(all(".note")).toEqual([]);
  });

  test("are mentioned where a yes would be given in the face of them, whatever denies", async () => {
    const marketing: Decision = { allow: false, reason: "choice_denied" };
    await stand({ snapshot: snapshotOf({ marketing }, { signals }) }).show("preferences");
    expect(one(".note").textContent).toContain("Global Privacy Control");
  });

  test("leave no switch that could not win over them", async () => {
    const boot = bootOf({ conflict_rule: "signal_wins_until_reconfirmed_known" });
    const snapshot = snapshotOf({ marketing: BY_GPC }, { signals });
    await stand({ boot, snapshot }).show("preferences");
    expect(categorySwitches().map(({ disabled }) => disabled)).toEqual([false, false, true]);
    expect(one(".note").textContent).toContain("A choice on this page does not change that.");
  });

  test("are said to be overridden where the visitor allowed it here", async () => {
    const snapshot = snapshotOf({ marketing: CONSENTED }, { signals });
    await stand({ snapshot }).show("preferences");
    expect(one(".note").textContent).toContain("here you have allowed: Marketing.");
  });

  test("show the status that the law wants once they were honoured", async () => {
    const snapshot = { ...US_SNAPSHOT, opt_out_status: "required" as const };
    await stand({ boot: US_BOOT, snapshot }).show("preferences");
    expect(one(".note.honored").textContent).toBe("Opt-Out Request Honored");
    expect(control("save")).toBeDefined();
  });
});

test("no text of the site or of a service is ever parsed as markup", async () => {
  for (const sink of ["innerHTML", "outerHTML"] as const) {
    vi.spyOn(Element.prototype, sink, "set").mockImplementation(() => {
      throw new Error(sink);
    });
  }
  const evil = "<img src=x onerror=alert(1)>";
  const texts = new Proxy({} as Table<string>, { get: () => evil, has: () => true });
  const use = { name: evil, purpose: evil, lifetime: evil };
  const told = { name: evil, text: evil, provider: evil, recipients: [evil] };
  const policy = "javascript:alert(1)";
  const services = [
    disclosed("ga", "analytics", { ...told, policy, cookies: [use], storage: [use] }),
  ];
  const words = wordsFor("en", { texts, services, urls: { imprint: " javascript:alert(1)" } });
  await stand({ words, snapshot: snapshotOf({ marketing: BY_GPC }) }).show("preferences");
  unfold();
  expect(all("dialog").length).toBe(1);
  expect(all("img, a, script, [onerror]")).toEqual([]);
});
