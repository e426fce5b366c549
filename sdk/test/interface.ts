/** The interface on a page of its own, with a core that only listens, and hands to use it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { mount } from "../src/banner/index";
import * as corner from "../src/corner/index";
import type { Host } from "../src/host";
import type { Act, Banner, Boot, Decision, Rules, Snapshot, Table, Words } from "../src/types";
import { areaOf } from "./area";
import { bootFor, disclosed, optIn, optOut, service, wordsFor } from "./boot";

// ---------------------------------------------------------------- what is said

const LOCALES = join(import.meta.dirname, "../../config/locales");

export function locale(language: string): Table<string> {
  const lines = readFileSync(join(LOCALES, `${language}.toml`), "utf8").matchAll(
    /^"(.+?)" = "(.*)"$/gm,
  );
  return Object.fromEntries([...lines].map(([, key = "", text = ""]) => [key, text]));
}

/** A language, and an error for any text that is not there. */
export function spoken(language: string): Table<string> {
  return new Proxy(locale(language), {
    get(texts, key) {
      const text = texts[String(key)];
      if (text === undefined) throw new Error(`no text for ${String(key)}`);
      return text;
    },
  });
}

const DISCLOSED = ["ga", "plausible"].map((id) => disclosed(id, "analytics"));

/** All that is said in a language. */
export function wordsOf(language = "en", more: Partial<Words> = {}): Words {
  const texts = spoken(language);
  const direction = texts["language.direction"] as Words["direction"];
  return wordsFor(language, { texts, direction, services: DISCLOSED, ...more });
}

// ---------------------------------------------------------------- a site and a visitor

const SERVICES = ["ga", "plausible"].map((id) => service(id, "analytics"));

export function bootOf(rules: Partial<Rules> = {}, more: Partial<Boot> = {}): Boot {
  return bootFor(optIn(rules), { services: SERVICES, ...more });
}

export const US_BOOT = bootFor(optOut(), { services: SERVICES });

export const DENIED: Decision = { allow: false, reason: "default_denied" };
export const GRANTED: Decision = { allow: true, reason: "default_granted" };
export const CONSENTED: Decision = { allow: true, reason: "choice_granted" };
export const BY_GPC: Decision = { allow: false, reason: "gpc" };

export function snapshotOf(
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

export const US_SNAPSHOT = snapshotOf(
  { functional: GRANTED, analytics: GRANTED, marketing: GRANTED },
  { prompt: "link" },
);

// ---------------------------------------------------------------- the page, and hands to use it

export interface Setup {
  boot?: Boot;
  snapshot?: Snapshot;
  /** The words that the boot script brings along. */
  words?: Words;
  /** Chunks in the place of the real ones, by name; `null` cannot be had. */
  chunks?: Table<unknown>;
  /** What the browser keeps. */
  local?: Map<string, string>;
  age?: number | null;
}

export interface Stand {
  banner: Banner;
  host: Host;
  acts: Act[];
  errors: string[];
  /** The languages whose words were fetched. */
  fetched: string[];
  /** Something else holds from now on. */
  now(next: Snapshot): Promise<void>;
  /** Shows a view, until all that it needs is there. */
  show(view: "banner" | "preferences", opener?: Element): Promise<void>;
}

export function stand(setup: Setup = {}): Stand {
  const { boot = bootOf(), words = wordsOf(), chunks = {}, local = new Map(), age = null } = setup;
  let snapshot = setup.snapshot ?? snapshotOf();
  const acts: Act[] = [];
  const errors: string[] = [];
  const fetched: string[] = [];
  const chunk = async (name: string) => {
    if (name in chunks) {
      if (chunks[name]) return chunks[name];
      throw new Error(`no way to ${name}`);
    }
    return name === "corner" ? corner : import(`../src/${name}/index.ts`);
  };
  const known: Partial<Host> = {
    ...{ boot, base: "https://consent.example", declared: "", local: areaOf(local) },
    inlined: { chunks: {}, words, parts: [] },
    signals: () => snapshot.signals,
    age: () => age,
    now: () => 1_800_000_000,
    snapshot: () => snapshot,
    decision: (id) => snapshot.categories[id] ?? DENIED,
    settle: vi.fn(),
    act: vi.fn(),
    courier: vi.fn(),
    choose: (act) => acts.push(act),
    chunk: chunk as Host["chunk"],
    words: async (language) => {
      fetched.push(language);
      return wordsOf(language);
    },
    later: (task) => {
      task();
      return () => {};
    },
    fail: (cause) => errors.push(String(cause)),
  };
  const host = known as Host;
  forgetLater();
  const banner = mount(host, words);
  return {
    ...{ banner, host, acts, errors, fetched },
    now: (next) => {
      snapshot = next;
      banner.update(next);
      return turn();
    },
    show: (view, opener) => {
      banner.show(view, opener);
      return turn();
    },
  };
}

/** Sees to it that nothing of this page is felt in the next test. */
export function forgetLater(): void {
  const observers: MutationObserver[] = [];
  const Observing = MutationObserver;
  vi.stubGlobal(
    "MutationObserver",
    class extends Observing {
      constructor(heard: MutationCallback) {
        super(heard);
        observers.push(this);
      }
    },
  );
  onTestFinished(async () => {
    vi.useRealTimers();
    await turn();
    for (const observer of observers) observer.disconnect();
    document.body.replaceChildren();
    vi.unstubAllGlobals();
  });
}

/** Lets everything that waits for nothing but its turn have it, and what waits for a frame. */
export async function turn(): Promise<void> {
  await vi.dynamicImportSettled();
  // What comes with one frame may ask for another.
  for (let frames = 0; frames < 2; frames++) {
    await new Promise((done) => setTimeout(done));
    await new Promise((done) => requestAnimationFrame(done));
  }
}

/** Everything in the page, shadow trees of the interface included. */
export function all<E extends HTMLElement>(selector: string): E[] {
  const stages = [...document.querySelectorAll("holdfire-ui")];
  return stages.flatMap(({ shadowRoot }) => [...(shadowRoot?.querySelectorAll<E>(selector) ?? [])]);
}

export function one<E extends HTMLElement = HTMLElement>(selector: string): E {
  const [found, ...others] = all<E>(selector);
  if (!found || others.length) throw new Error(`${found ? others.length + 1 : 0} of ${selector}`);
  return found;
}

export const control = (name: string) => one<HTMLButtonElement>(`[data-control="${name}"]`);
export const press = (name: string) => control(name).click();

/** Whether it is drawn, and nothing around it hides it. */
export const isSeen = (node: Element): boolean => node.closest("[hidden]") === null;
