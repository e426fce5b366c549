/** One page view: its parts, and the verbs that join them. */

import { ageIn } from "./address";
import { openApi } from "./api";
import { type Inlined, type Load, openChunks } from "./chunks";
import { type Deeds, openDeeds } from "./deeds";
import { openSpeaker } from "./events";
import { openGate } from "./gate";
import type { Host } from "./host";
import { openLater } from "./later";
import { asks, openPrompter } from "./prompt";
import { isRefused } from "./refused";
import { either, readSignals, type Speaking } from "./signals";
import { openState } from "./state";
import { keyOf, openArea, openMemory, REFUSED, YEARS } from "./storage";
import { openTabs } from "./tabs";
import type { Boot, Cause, Holdfire, Part, PartModule, Snapshot, Words } from "./types";
import { openWaiters } from "./waiters";

/** Where the boot script came from, and how it was let in. */
export interface Origin {
  /** The service's URL without a last slash, or "" if it cannot be told. */
  base: string;
  /** The boot script's nonce, or "". */
  nonce: string;
  /** What the owner's page declares of the visitor: a query, or "". */
  declared: string;
  load: Load;
  inlined: Inlined;
}

/** What the start goes by. */
export interface PageView extends Host, Deeds {
  readonly api: Holdfire;
  readonly prompter: ReturnType<typeof openPrompter>;
  readonly speaker: ReturnType<typeof openSpeaker>;
  /** Decides anew; `keeps` what was loaded once. */
  settle(cause: Cause, keeps?: boolean): void;
  /** Asks or informs the visitor, if that is due. */
  ask(cause: Cause): void;
  /** Hears from other tabs, from now on. */
  tabs(): unknown;
  /** Takes back what services keep that may no longer; `last` held until now. */
  clean(last: Snapshot | null): void;
}

const now = () => Math.floor(Date.now() / 1000);

export const openView = (boot: Boot, { base, nonce, declared, load, inlined }: Origin) => {
  const key = keyOf(boot.site);
  const local = openArea("localStorage");
  const speaker = openSpeaker();
  const { fail } = speaker;
  const later = openLater(speaker.run);
  const memory = openMemory(boot, local);
  const signals = () => either(boot.signals, readSignals(navigator, window as Speaking));
  // Who said to be twelve is not older for saying nothing now. What stands was just read: to read it
  // again would cost another look at the cookies, which browsers make the page wait for.
  const age = () => youngest([declared, local.get(key + YEARS), state.standing?.age]);
  const refused = () => local.get(key + REFUSED) !== null;
  const state = openState(boot, { memory, signals, now, age, refused });
  const waiters = openWaiters(state.decision, speaker.run, later);
  const chunks = openChunks(base, load, inlined, fail);
  const gate = openGate({
    permits: state.permits,
    nonce,
    failed: fail,
    template: (use) => chunks.use("template", boot.sdk, use),
    hole: () => prompter.hole(),
    later,
  });
  const snapshot = () => state.snapshot as Snapshot;
  const parts: Part[] = [];
  let told: ReturnType<typeof openTabs> | undefined;
  const tabs = () => {
    told ??= openTabs(key, (text) => {
      memory.hear(text, now());
      view.settle("tab");
    });
    return told;
  };
  const view: Omit<PageView, "api" | "prompter"> = {
    ...{ boot, base, declared, inlined, local, memory, signals, age, now, snapshot, speaker },
    ...{ fetch: window.fetch, decision: state.decision, fail, emit: speaker.emit, later },
    ...gate,
    ...openDeeds(chunks, () => view),
    settle: (cause, keeps = false) =>
      speaker.run(() => {
        const { snapshot: last, standing } = state;
        const changed = state.refresh();
        // Another act ends what was loaded once, even if it decides alike.
        if (!changed && !refused() && standing?.event_id === state.standing?.event_id) return;
        if (changed) for (const part of parts) speaker.run(() => part.settle(snapshot()));
        gate.settle(keeps);
        if (!changed) return;
        later(() => view.clean(last));
        waiters.wake();
        if (!last) return;
        prompter.update();
        speaker.emit("change", { cause, snapshot: snapshot() });
        if (last.prompt !== snapshot().prompt) view.ask(cause);
      }),
    ask: (cause) => {
      if (!asks(snapshot())) return;
      speaker.emit("prompt", { cause, prompt: snapshot().prompt });
      prompter.show("banner");
    },
    clean: (last) => {
      const keeps = boot.services.filter(
        ({ cookies, storage, databases, reload }) =>
          cookies[0] || storage[0] || databases?.[0] || reload,
      );
      if (keeps.some(({ id }) => isRefused(id, snapshot(), last))) {
        view.courier((ready) => ready.sweep(last));
      }
    },
    done: (choice) => {
      // Who always allows one thing does not send away another.
      view.settle("choice", choice.control === "always_allow");
      tabs()(local.get(key) ?? "");
      later(() => view.courier((ready) => ready.send(true)));
      speaker.emit("choice", { cause: choice.control, choice });
    },
    tabs,
    chunk: (name) => chunks.get(name, boot.sdk),
    words: async (language, part) => {
      const name = `${part ?? "words"}-${boot.site}-${language}`;
      return (await chunks.get<{ words: Words }>(name, boot.words)).words;
    },
  };
  const prompter = openPrompter(view);
  for (const [name, options] of inlined.parts) {
    chunks.use<PartModule>(name, boot.sdk, ({ open }) => {
      const part = open(view, options as never);
      parts.push(part);
      // What had to be loaded first comes to a page where something holds already.
      if (state.snapshot) part.settle(snapshot());
    });
  }
  const stop = () => {
    for (const part of parts) speaker.run(() => part.stop?.());
  };
  return {
    ...view,
    prompter,
    api: openApi({ ...view, prompter, state, stop, when: waiters.when }),
  };
};

/** The least of the ages that were told, in years. */
const youngest = (told: readonly unknown[]): number | null => {
  const ages = told.flatMap((one) => ageIn(String(one ?? "")) ?? []);
  return ages[0] === undefined ? null : Math.min(...ages);
};
