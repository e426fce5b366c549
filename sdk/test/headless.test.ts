// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { mount } from "../src/headless/index";
import type { Host } from "../src/host";
import type { Act, Rules, Snapshot } from "../src/types";
import { bootFor, optIn, optOut, wordsFor } from "./boot";
import { CONSENTED, GRANTED, snapshotOf, turn } from "./interface";

const LAYERS = `
  <div data-holdfire-layer="1" hidden>
    <button data-holdfire="accept_all">Yes</button>
    <button data-holdfire="reject_all">No</button>
    <button data-holdfire="close">×</button>
  </div>
  <form data-holdfire-layer="2" hidden>
    <input name="hidden"><input name="matches"><input name="toggleAttribute">
    <input type="checkbox" data-holdfire-category="necessary">
    <input type="checkbox" data-holdfire-category="functional">
    <input type="checkbox" data-holdfire-category="analytics" checked>
    <input type="checkbox" data-holdfire-category="marketing">
    <button data-holdfire="save">Save</button>
  </form>`;
const WAY_BACK = '<a data-holdfire="preferences" href="#">Settings</a>';

interface Setup {
  html?: string;
  rules?: Rules;
  now?: Snapshot;
}

/** A page that draws for itself, and a core that only listens. */
const drawn = ({ html = LAYERS + WAY_BACK, rules = optIn(), now = snapshotOf() }: Setup = {}) => {
  document.body.innerHTML = html;
  const listening = vi.spyOn(EventTarget.prototype, "addEventListener");
  let snapshot = now;
  const acts: Act[] = [];
  const errors: string[] = [];
  const own: string[] = [];
  const banner = {
    show: (view: string) => own.push(`show ${view}`),
    update: () => own.push("update"),
    hide: () => own.push("hide"),
    embed: () => own.push("embed"),
  };
  const known: Partial<Host> = {
    boot: bootFor(rules, { look: { layout: "headless" } }),
    age: () => null,
    snapshot: () => snapshot,
    choose: (act) => void acts.push(act),
    fail: (cause) => void errors.push(String(cause)),
    chunk: (async () => ({ mount: () => banner })) as unknown as Host["chunk"],
  };
  const site = mount(known as Host, wordsFor());
  onTestFinished(() => {
    for (const [type, heard] of listening.mock.calls) {
      if (heard) document.removeEventListener(type, heard, true);
    }
  });
  return {
    ...{ acts, errors, own, site },
    holds: (next: Snapshot) => {
      snapshot = next;
      site.update(next);
    },
  };
};

const layer = (number: 1 | 2) =>
  document.querySelector(`[data-holdfire-layer="${number}"]`) as Element;
const control = (name: string) =>
  document.querySelector(`[data-holdfire="${name}"]`) as HTMLButtonElement;
const toggle = (id: string) =>
  document.querySelector(`[data-holdfire-category="${id}"]`) as HTMLInputElement;

/** An event as the visitor's own hand makes it. */
const trusted = (event: Event): Event => Object.defineProperty(event, "isTrusted", { value: true });
const press = (node: Element, detail = 1) =>
  node.dispatchEvent(
    trusted(new MouseEvent("click", { bubbles: true, cancelable: true, composed: true, detail })),
  );
/** Turns a switch; `byHand` or by a script's click, after which browsers tell a true change. */
const turnTo = (input: HTMLInputElement, on: boolean, byHand = true) => {
  const click = new MouseEvent("click", { bubbles: true });
  // Stopped before it gets to the input, which would turn itself.
  input.addEventListener("click", (event) => event.preventDefault(), { once: true });
  input.dispatchEvent(byHand ? trusted(click) : click);
  input.checked = on;
  input.dispatchEvent(trusted(new Event("change", { bubbles: true })));
};

beforeEach(() => {
  const box = { width: 120, height: 40 } as DOMRect;
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(box);
});

afterEach(() => {
  vi.restoreAllMocks();
  document.body.innerHTML = "";
});

describe("a page that is still being read", () => {
  const readyState = (state: DocumentReadyState) =>
    vi.spyOn(Document.prototype, "readyState", "get").mockReturnValue(state);
  const read = () => {
    readyState("interactive");
    document.dispatchEvent(new Event("DOMContentLoaded"));
  };
  beforeEach(() => void readyState("loading"));
  afterEach(() => void vi.restoreAllMocks());

  test("is not said to lack what has not come yet", () => {
    const { site, errors, own } = drawn({ html: "" });
    site.show("banner");
    site.update(snapshotOf());
    document.body.innerHTML = LAYERS + WAY_BACK;
    read();

    expect(layer(1).hasAttribute("hidden")).toBe(false);
    expect({ errors, own }).toEqual({ errors: [], own: [] });
  });

  test("shows nothing any more that was hidden, or answered, before it was all there", () => {
    const { site } = drawn();
    site.show("banner");
    site.hide();
    read();
    expect(layer(1).hasAttribute("hidden")).toBe(true);

    readyState("loading");
    const other = drawn();
    other.site.show("banner");
    other.holds(snapshotOf({}, { prompt: "link" }));
    read();
    expect(layer(1).hasAttribute("hidden")).toBe(true);
  });

  test("is told what it lacks once it is all there", () => {
    const { site, errors } = drawn({ html: WAY_BACK });
    site.show("banner");
    expect(errors).toEqual([]);
    read();
    expect(errors).toHaveLength(1);
  });
});

describe("the site's layers", () => {
  test("are shown when they are due, and hidden after an act", async () => {
    const { acts, site } = drawn();
    site.show("banner");
    expect(layer(1).hasAttribute("hidden")).toBe(false);
    expect(layer(1).hasAttribute("data-holdfire-shown")).toBe(true);
    expect(layer(2).hasAttribute("hidden")).toBe(true);
    press(control("reject_all"));
    expect(acts).toHaveLength(1);
    expect(layer(1).hasAttribute("hidden")).toBe(true);
    expect(layer(1).hasAttribute("data-holdfire-shown")).toBe(false);
  });

  test("go when the question was answered elsewhere", () => {
    const { site, holds } = drawn();
    site.show("banner");
    holds(snapshotOf({}, { prompt: "link" }));
    expect(layer(1).hasAttribute("hidden")).toBe(true);
  });

  test("give the focus back to what opened them", () => {
    const { site } = drawn();
    const opener = document.querySelector("a") as HTMLElement;
    site.show("preferences", opener);
    site.hide();
    expect(document.activeElement).toBe(opener);
  });

  test("may be forms whose inputs stand in for its members", () => {
    const { site, errors } = drawn();
    site.show("preferences");
    expect(layer(2).getAttributeNames()).toContain("data-holdfire-shown");
    expect(errors).toEqual([]);
  });
});

describe("a control", () => {
  test.each([
    ["accept_all", true],
    ["reject_all", false],
  ])("%s is an act of its own name and layer", (name, granted) => {
    const { acts, site } = drawn();
    site.show("banner");
    press(control(name));
    expect(acts).toEqual([
      {
        action: name,
        categories: { functional: granted, analytics: granted, marketing: granted },
        services: {},
        layer: 1,
        control: name,
        language: "en",
      },
    ]);
  });

  test("that a script presses does nothing", () => {
    const { acts, site } = drawn();
    site.show("banner");
    control("accept_all").click();
    expect(acts).toEqual([]);
    expect(layer(1).hasAttribute("hidden")).toBe(false);
  });

  test("inside another one grants no more than the narrower of the two", () => {
    const { acts, site } = drawn({
      html: `${LAYERS}${WAY_BACK}<a data-holdfire="reject_all"><b role="button"
        data-holdfire="accept_all" id="inner">x</b></a>`,
    });
    site.show("banner");
    press(document.getElementById("inner") as Element);
    expect(acts.map(({ action }) => action)).toEqual(["reject_all"]);
  });

  test("is a control only on what can be pressed", () => {
    const { acts, site } = drawn({
      html: `${LAYERS}${WAY_BACK}<div data-holdfire="accept_all"><p id="text">Text.</p></div>`,
    });
    site.show("banner");
    press(document.getElementById("text") as Element);
    expect(acts).toEqual([]);
  });

  test("that Enter in a field presses accepts nothing", () => {
    const { acts, site } = drawn({
      html: `${LAYERS}${WAY_BACK}<form><input id="field"><button data-holdfire="accept_all"
        id="first">x</button></form>`,
    });
    site.show("banner");
    document.getElementById("field")?.focus();
    press(document.getElementById("first") as Element, 0);
    expect(acts).toEqual([]);
  });

  test("close decides nothing, but where the law wants it to refuse", () => {
    const plain = drawn();
    plain.site.show("banner");
    press(control("close"));
    expect(plain.acts).toEqual([]);
    expect(layer(1).hasAttribute("hidden")).toBe(true);

    const italian = drawn({ rules: optIn({ close: true }) });
    italian.site.show("banner");
    press(control("close"));
    expect(italian.acts).toMatchObject([{ action: "reject_all", control: "close", layer: 1 }]);
  });

  test("that grants what a signal denies, untold, is as good as the page's own code", () => {
    const now = snapshotOf({}, { signals: { gpc: true, dnt: null } });
    const silent = drawn({ now });
    silent.site.show("banner");
    press(control("accept_all"));
    expect(silent.acts[0]?.layer).toBe(0);

    const telling = drawn({
      now,
      html: `${LAYERS.replace("<button", "<p data-holdfire-signal hidden>GPC</p><button")}${WAY_BACK}`,
    });
    telling.site.show("banner");
    expect(document.querySelector("[data-holdfire-signal]")?.hasAttribute("hidden")).toBe(false);
    press(control("accept_all"));
    expect(telling.acts[0]?.layer).toBe(1);
  });
});

describe("a switch", () => {
  test("says what holds, and none is ticked that is not allowed", () => {
    const { site } = drawn({ now: snapshotOf({ functional: CONSENTED }) });
    site.show("preferences");
    const said = ["necessary", "functional", "analytics", "marketing"].map(
      (id) => toggle(id).checked,
    );
    expect(said).toEqual([true, true, false, false]);
    expect(toggle("necessary").disabled).toBe(true);
  });

  test("that the visitor turned is saved; every category is named", () => {
    const { acts, site } = drawn();
    site.show("preferences");
    turnTo(toggle("analytics"), true);
    press(control("save"));
    expect(acts).toMatchObject([
      {
        action: "save",
        categories: { functional: false, analytics: true, marketing: false },
        layer: 2,
        control: "save",
      },
    ]);
  });

  test.each([
    [
      "ticked by a script",
      (input: HTMLInputElement) => {
        input.checked = true;
      },
    ],
    ["clicked by a script", (input: HTMLInputElement) => turnTo(input, true, false)],
  ])("%s grants nothing", (_, forge) => {
    const { acts, site } = drawn();
    site.show("preferences");
    forge(toggle("analytics"));
    press(control("save"));
    expect(acts[0]?.categories.analytics).toBe(false);
  });

  test("of which there are two says no where one of them does", () => {
    const { acts, site } = drawn({
      html: `${LAYERS}${WAY_BACK}<input type="checkbox" data-holdfire-category="analytics" id="two">`,
    });
    site.show("preferences");
    turnTo(toggle("analytics"), true);
    const two = document.getElementById("two") as HTMLInputElement;
    expect(two.checked).toBe(true);
    two.checked = false;
    press(control("save"));
    expect(acts[0]?.categories.analytics).toBe(false);
  });

  test("for the sale, switched off where silence means yes, is an opt-out", () => {
    const on = snapshotOf({ functional: GRANTED, analytics: GRANTED, marketing: GRANTED });
    const { acts, site } = drawn({ rules: optOut(), now: on });
    site.show("preferences");
    turnTo(toggle("marketing"), false);
    press(control("save"));
    expect(acts[0]?.action).toBe("opt_out");
  });

  test("under the visitor's hand is not turned by what changes elsewhere", () => {
    const { site, holds } = drawn();
    site.show("preferences");
    turnTo(toggle("analytics"), true);
    holds(snapshotOf({ functional: CONSENTED }));
    expect([toggle("analytics").checked, toggle("functional").checked]).toEqual([true, true]);
  });
});

describe("our own banner takes over", () => {
  const without = (name: string) => LAYERS.replace(`data-holdfire="${name}"`, "") + WAY_BACK;
  const cases: [string, Setup, "banner" | "preferences", string][] = [
    ["without a refusal", { html: without("reject_all") }, "banner", "reject_all"],
    [
      "with a refusal that cannot be used",
      { html: LAYERS.replace('"reject_all"', '"reject_all" disabled') + WAY_BACK },
      "banner",
      "reject_all",
    ],
    [
      "without the close control that the law wants",
      { html: without("close"), rules: optIn({ close: true }) },
      "banner",
      "close",
    ],
    ["without a way back", { html: LAYERS }, "banner", "way back"],
    [
      "with a way back in a layer only, which goes",
      { html: LAYERS.replace("<button", `${WAY_BACK}<button`) },
      "banner",
      "way back",
    ],
    ["without the layer", { html: WAY_BACK }, "preferences", 'data-holdfire-layer="2"'],
    ["where an age is to be asked", { rules: optIn({ ask_age: true }) }, "banner", "age"],
  ];

  test.each(cases)("%s, and it is told what is missing", async (_, setup, view, missing) => {
    const { acts, errors, own, site } = drawn(setup);
    site.show(view);
    await turn();
    expect(own).toEqual([`show ${view}`]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(missing);
    expect(document.querySelector("[data-holdfire-shown]")).toBeNull();
    site.hide();
    await turn();
    expect(own.at(-1)).toBe("hide");
    const accept = document.querySelector('[data-holdfire="accept_all"]');
    if (accept) press(accept);
    expect(acts).toEqual([]);
  });

  test("two frames after showing a refusal that is not to be seen", async () => {
    const { errors, own, site } = drawn();
    const none = { width: 0, height: 0 } as DOMRect;
    vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(none);
    site.show("banner");
    expect(own).toEqual([]);
    await turn();
    await turn();
    expect(own).toEqual(["show banner"]);
    expect(errors).toHaveLength(1);
    expect(layer(1).hasAttribute("hidden")).toBe(true);
  });

  test("for what is embedded in a page, and for that alone", async () => {
    const { own, site, errors } = drawn();
    site.embed(document.body);
    site.show("banner");
    await turn();
    expect([own, errors]).toEqual([["embed"], []]);
    expect(layer(1).hasAttribute("hidden")).toBe(false);
  });

  test("where no refusal is asked for, none is missed", async () => {
    const { own, site } = drawn({ rules: optOut(), html: without("reject_all") });
    site.show("banner");
    await turn();
    expect(own).toEqual([]);
  });
});
