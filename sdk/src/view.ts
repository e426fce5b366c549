/** One page view: its parts, and the verbs that join them. */

import { presentAct } from "./act";
import { openApi, openWaiters } from "./api";
import { eventId } from "./eventId";
import { openSpeaker } from "./events";
import { openGate } from "./gate";
import { keys } from "./natives";
import { openOutbox } from "./outbox";
import { asks, type Load, openPrompter } from "./prompt";
import { either, readSignals, type Speaking } from "./signals";
import { openState, SIGNAL } from "./state";
import { keyOf, openArea, openMemory } from "./storage";
import { sweep } from "./sweep";
import { openTabs } from "./tabs";
import { ageIn, openTransport } from "./transport";
import type { Act, Boot, Cause, Snapshot } from "./types";

/** Where the boot script came from, and how it was let in. */
export interface Origin {
  /** The service's URL without a last slash, or "" if it cannot be told. */
  base: string;
  /** The boot script's nonce, or "". */
  nonce: string;
  /** What the owner's page declares of the visitor: a query, or "". */
  declared: string;
  load: Load;
}

const now = () => Math.floor(Date.now() / 1000);

export const openView = (boot: Boot, { base, nonce, declared, load }: Origin) => {
  /** Decides anew; if anything comes out differently, tags, visitor and page come to feel it. */
  const settle = (cause: Cause) =>
    speaker.run(() => {
      const last = state.snapshot;
      if (!state.refresh()) return;
      settleGate();
      clean(last);
      waiters.wake();
      if (!last) return;
      prompter.update(snapshot());
      speaker.emit("change", { cause, snapshot: snapshot() });
      if (last.prompt !== snapshot().prompt) ask(cause);
    });

  /** Carries out an act: it holds at once, and its record follows as the network lets it. */
  const choose = (act: Act) =>
    speaker.run(() => {
      const choice = state.stand(act);
      outbox.add(choice);
      settle("choice");
      tell(local.get(key) ?? "");
      speaker.emit("choice", { cause: choice.control, choice });
    });

  /** Asks or informs the visitor, if that is due. */
  const ask = (cause: Cause) => {
    if (!asks(snapshot())) return;
    speaker.emit("prompt", { cause, prompt: snapshot().prompt });
    prompter.show("banner");
  };

  /**
   * GPC is an opt-out like any other: where the law says so, it is recorded, and its later absence
   * is not consent (11 CCR 7025(c)(5); 4 CCR 904-3, Rule 5.09).
   */
  const remember = () => {
    const { signals, sale_or_share, prior, categories } = snapshot();
    if (!boot.rules.remember_gpc || !signals.gpc || sale_or_share.reason !== "gpc") return;
    if (prior?.by_signal) return;
    const act = presentAct(boot, snapshot());
    for (const rule of boot.rules.categories) if (rule.gpc) act.categories[rule.id] = false;
    // What was consented to before, and GPC does not reach, stays a consent.
    const consents = keys(act.categories).some(
      (id) => act.categories[id] && categories[id]?.reason === "choice_granted",
    );
    choose({ ...act, action: consents ? "save" : "opt_out", control: SIGNAL });
  };

  /** What holds; the start decides before anybody can ask for it. */
  const snapshot = () => state.snapshot as Snapshot;

  /** Takes back what services keep that may no longer; `last` held until now. */
  const clean = (last: Snapshot | null) => sweep(boot.services, snapshot(), last, areas);

  const signals = () => either(boot.signals, readSignals(navigator, window as Speaking));
  const key = keyOf(boot.site);
  const shown = boot.services.map((service) => service.id);
  const local = openArea("localStorage");
  const areas = [local, openArea("sessionStorage")];
  const speaker = openSpeaker();
  const memory = openMemory(boot.site, shown, local);
  const transport = openTransport(boot.site, base, declared, memory);
  const state = openState(boot, {
    memory,
    shown,
    signals,
    now,
    newId: eventId,
    age: ageIn(declared),
  });
  const waiters = openWaiters(state, speaker);
  const settleGate = openGate({ permits: state.permits, nonce, failed: speaker.fail });
  const outbox = openOutbox({
    area: local,
    prefix: `${key}:out:`,
    send: (choice) => transport.choose(choice, signals()),
    recorded: (record) => {
      memory.confirm(record, now());
      settle("service");
    },
    refused: ({ event_id }, { status }) => {
      // There is no record of it and never will be, so it grants nothing; what it refused holds.
      memory.narrow(event_id, now());
      settle("service");
      speaker.fail(new Error(`${event_id}: ${status}`));
    },
    now: Date.now,
    random: Math.random,
  });
  const host = { boot, base, snapshot, choose, closed: () => {} };
  const prompter = openPrompter(host, load, speaker.fail);
  const tell = openTabs(key, (text) => {
    memory.hear(text, now());
    settle("tab");
  });
  // The start is one task, so this promise is kept when it is over.
  const ready = Promise.resolve().then(snapshot);
  const api = openApi({ boot, state, speaker, waiters, prompter, transport, choose, ready });
  return { api, speaker, prompter, outbox, settle, ask, remember, snapshot, clean };
};
