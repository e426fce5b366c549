/** A scene of the interface without the interface, for what is drawn into it. */

import { vi } from "vitest";
import { hands } from "../src/banner/hands";
import type { Scene } from "../src/banner/scene";
import { speaker } from "../src/banner/texts";
import type { Host } from "../src/host";
import type { Act, Boot, Snapshot, Table, Words } from "../src/types";
import { areaOf } from "./area";
import { bootOf, snapshotOf, spoken, wordsOf } from "./interface";

export interface Staged {
  scene: Scene & { words: Words };
  acts: Act[];
  errors: unknown[];
  local: Map<string, string>;
  /** What holds from now on. */
  hold(next: Snapshot): void;
}

export interface Staging {
  boot?: Boot;
  words?: Words;
  snapshot?: Snapshot;
  local?: Table<string>;
  /** The chunks there are; any other cannot be had. */
  chunks?: Table<unknown>;
  host?: Partial<Host>;
}

export const NOW = 1_795_262_400; // 2026-11-21T12:00:00Z

export function sceneOf(given: Staging = {}): Staged {
  const { boot = bootOf(), words = wordsOf(), chunks = {} } = given;
  const local = new Map(Object.entries(given.local ?? {}));
  const acts: Act[] = [];
  const errors: unknown[] = [];
  let snapshot = given.snapshot ?? snapshotOf();
  const years = () => local.get(`holdfire:${boot.site}:age`);
  const host = {
    ...{ boot, local: areaOf(local), now: () => NOW, settle: vi.fn() },
    memory: { recall: () => null },
    age: () => (years() === undefined ? null : Number(years())),
    snapshot: () => snapshot,
    chunk: async (name: string) => {
      if (!chunks[name]) throw new Error(`no way to ${name}`);
      return chunks[name];
    },
    words: async (language: string) => wordsOf(language),
    fail: (cause: unknown) => errors.push(cause),
    ...given.host,
  } as unknown as Host;
  const scene: Staged["scene"] = {
    ...hands,
    ...{ host, boot, words },
    say: speaker(() => scene.words),
    snapshot: () => snapshot,
    choose: (act) => acts.push(act),
    speak: async (language) => {
      scene.words = await host.words(language);
    },
    stage: () => {
      throw new Error("no stage");
    },
    whole: async () => {},
  };
  const hold = (next: Snapshot) => {
    snapshot = next;
  };
  return { scene, acts, errors, local, hold };
}

/** All that is said in a language, those texts left out that no locale has to have. */
export function lenient(more: Partial<Words> = {}): Words {
  const texts = new Proxy(spoken("en"), {
    get: (all, key) => (key in all ? all[String(key)] : undefined),
  });
  return wordsOf("en", { texts, ...more });
}

/** Puts it into a shadow tree of the page, as a stage would. */
export function staged<E extends HTMLElement>(node: E): E {
  const box = document.createElement("div");
  box.attachShadow({ mode: "open" }).append(node);
  document.body.append(box);
  return node;
}
