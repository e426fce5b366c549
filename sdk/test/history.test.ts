// @vitest-environment happy-dom
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Courier } from "../src/courier/host";
import { history } from "../src/history/index";
import { SITE, VERSION } from "./boot";
import { turn, wordsOf } from "./interface";
import { lenient, type Staging, sceneOf, staged } from "./scene";

afterEach(() => {
  document.body.replaceChildren();
  vi.restoreAllMocks();
});

const entry = (seq: number, more: object = {}) => ({
  event_id: `e${seq}`,
  seq,
  recorded_at: "2026-11-21T11:00:00Z",
  valid_until: "2027-05-20T11:00:00Z",
  action: "save",
  categories: { functional: false, analytics: true, marketing: false },
  services: {},
  notice_version: VERSION,
  control: "save",
  ...more,
});
const BODY = JSON.stringify({
  visitor: "V1",
  choices: [entry(2), entry(1, { action: "opt_out", control: "gpc" })],
});

/**
 * The history that is drawn from this answer; `null` is a service that cannot be reached. `receipt`
 * answers for receipts, of which there are none where it is left out.
 */
async function drawn(body: string | null, given: Staging = {}, receipt?: Courier["receipt"]) {
  const told = async () => {
    if (body === null) throw new Error("away");
    return body;
  };
  const none = async () => {
    throw new Error("receipts/e: 503");
  };
  const courier = { history: told, receipt: receipt ?? none } as Courier;
  const host = {
    courier: (use: (lent: Courier) => void) => use(courier),
    ...given.host,
  };
  const set = sceneOf({ words: lenient(), chunks: { courier: {} }, ...given, host });
  const node = staged(history(set.scene, wordsOf()));
  await turn();
  const texts = (selector: string) =>
    [...node.querySelectorAll(selector)].map(({ textContent }) => textContent);
  return { ...set, node, texts, status: texts("[role=status]")[0] };
}

describe("the history", () => {
  test("tells each act in words, newest first, and which applies now", async () => {
    const { texts } = await drawn(BODY);
    expect(texts("h4")).toEqual(["Saved a choice", wordsOf().texts["action.gpc"]]);
    const lines = texts("li:first-child p");
    expect(lines.slice(1)).toEqual([
      "Applies now",
      "Valid until May 20, 2027",
      "Allowed: Statistics",
      "Refused: Preferences and Marketing",
      `Record 2, text version ${VERSION}`,
    ]);
    expect(texts("li:last-child p")).not.toContain("Applies now");
  });

  test("says that there is nothing, where there is nothing", async () => {
    const { status } = await drawn('{"visitor": null, "choices": []}');
    expect(status).toBe("Nothing has been recorded for this browser.");
  });

  test.each([
    ["no answer", null],
    ["no JSON", "<html>"],
    ["no list", '{"choices": {}}'],
    ["an entry without its number", JSON.stringify({ choices: [entry(1, { seq: "1" })] })],
    [
      "a category that is neither yes nor no",
      JSON.stringify({ choices: [entry(1, { categories: { x: 2 } })] }),
    ],
    ["a time that is none", JSON.stringify({ choices: [entry(1, { recorded_at: "soon" })] })],
  ])("says that it cannot be loaded, for %s", async (_, body) => {
    const { errors, status, texts } = await drawn(body);
    expect(status).toBe("Your choices cannot be loaded at the moment. Please try again later.");
    expect(texts("li")).toEqual([]);
    expect(errors).toHaveLength(1);
  });

  test("shows what it is told as text", async () => {
    const choices = [entry(1, { notice_version: "<img src=x>" })];
    const { node } = await drawn(JSON.stringify({ choices }));
    expect(node.querySelector("img")).toBeNull();
    expect(node.textContent).toContain("<img src=x>");
  });

  test.each([
    ["an act that is on its way", { host: { memory: { recall: () => ({ pending: true }) } } }],
    ["a refusal that is still to be sent", { local: { [`holdfire:${SITE}:no`]: "withdraw" } }],
  ])("says what waits, and takes nothing recorded for what applies: %s", async (_, given) => {
    const { status, texts } = await drawn(BODY, given as unknown as Staging);
    expect(status).toContain("Your last choice already applies.");
    expect(texts("p")).not.toContain("Applies now");
  });
});

describe("the receipts", () => {
  /** What was handed to the visitor since: names, types and texts. */
  function files() {
    const made: Blob[] = [];
    const names: string[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
      made.push(blob as Blob);
      return "blob:x";
    });
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
      this: HTMLAnchorElement,
    ) {
      names.push(this.download);
    });
    return { made, names };
  }
  const controls = (node: HTMLElement, control: string) => [
    ...node.querySelectorAll<HTMLElement>(`[data-control=${control}]`),
  ];

  test("are a file of the service for every act, and a page to be read", async () => {
    const { made, names } = files();
    const asked: unknown[] = [];
    const { node, errors } = await drawn(BODY, {}, async (of, form = "") => {
      asked.push([of?.event_id, form]);
      return `the receipt${form}`;
    });
    const labels = controls(node, "receipt").map((one) => one.getAttribute("aria-label"));
    expect(labels).toEqual([expect.stringMatching(/^Download receipt: .*2026/), labels[0]]);
    for (const control of ["receipt", "receipt_page"]) {
      for (const one of controls(node, control)) one.click();
      await turn();
    }
    expect(asked).toEqual([
      ["e2", ""],
      ["e1", ""],
      ["e2", "/page"],
      ["e1", "/page"],
    ]);
    expect(names).toEqual([
      `holdfire-${SITE}-2.tlog-proof`,
      `holdfire-${SITE}-1.tlog-proof`,
      `holdfire-${SITE}-2.html`,
      `holdfire-${SITE}-1.html`,
    ]);
    expect(await made[0]?.text()).toBe("the receipt");
    expect(made.at(-1)?.type).toMatch(/^text\/html/);
    expect(errors).toEqual([]);
  });

  test("are made on the page for the newest act, as long as the service has none", async () => {
    const { made, names } = files();
    const { node, errors } = await drawn(BODY);
    controls(node, "receipt")[0]?.click();
    await turn();
    const text = (await made[0]?.text()) ?? "";
    expect(names).toEqual([`holdfire-${SITE}-2.txt`]);
    expect(text).toContain("Receipt for a choice about cookies\n\nSite: demo");
    expect(text).toContain("Visitor number: V1\n\nSaved a choice\n");
    expect(JSON.parse(text.slice(text.indexOf("{")))).toEqual(entry(2));
    expect(errors).toHaveLength(1);
  });

  test.each([
    ["an older act", "receipt", 1],
    ["the page of the newest", "receipt_page", 0],
    ["the page of an older", "receipt_page", 1],
  ])("are said not to be there, once, for %s", async (_, control, at) => {
    const { names } = files();
    const { node, errors } = await drawn(BODY);
    controls(node, control)[at]?.click();
    controls(node, control)[at]?.click();
    await turn();
    const said = [...node.querySelectorAll("[role=alert]")].map((one) => one.textContent);
    expect(said).toEqual([wordsOf().texts["history.failed"]]);
    expect(names).toEqual([]);
    expect(errors).toHaveLength(2);
  });

  test("that came after all take the message away", async () => {
    files();
    let fails = true;
    const { node } = await drawn(BODY, {}, async () => {
      if (fails) throw new Error("receipts/e1: 503");
      return "the receipt";
    });
    const [, older] = controls(node, "receipt");
    older?.click();
    await turn();
    expect(node.querySelector("[role=alert]")).not.toBeNull();
    fails = false;
    older?.click();
    await turn();
    expect(node.querySelector("[role=alert]")).toBeNull();
  });
});
