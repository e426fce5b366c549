/**
 * The courier: all that a page does with the service and with what services left behind, none of
 * which decides anything. It is loaded when there is something to carry, so most pages never need it.
 */

import type { Host } from "../host";
import { keys } from "../natives";
import { SIGNAL } from "../signals";
import { prefixOf } from "../storage";
import type { Courier } from "./host";
import { namedAct, presentAct } from "./named";
import { openOutbox } from "./outbox";
import { openAnswers } from "./record";
import { openReload } from "./reload";
import { openSweep } from "./sweep";
import { openTransport } from "./transport";

export const open = (host: Host): Courier => {
  const { boot, local, memory, now } = host;
  const shown = boot.services.map((service) => service.id);
  const answers = openAnswers(boot.site, shown, local, memory);
  const transport = openTransport(host, answers);
  const sweep = openSweep(host);
  const reload = openReload(host);
  const outbox = openOutbox({
    area: local,
    prefix: prefixOf(boot.site),
    send: (choice) => transport.choose(choice, host.signals()),
    recorded: (record) => {
      answers.confirm(record, now());
      host.settle("service");
      reload.recorded();
    },
    refused: ({ event_id }, { status }) => {
      // There is no record of it and never will be, so it grants nothing; what it refused holds.
      answers.narrow(event_id, now());
      host.settle("service");
      host.fail(new Error(`${event_id}: ${status}`));
    },
    now: Date.now,
    random: Math.random,
  });
  const asked = async (path: string) => {
    const { body, status } = await transport.ask(path);
    if (status !== 200) throw new Error(`${path}: ${status}`);
    return body;
  };
  return {
    send: outbox.flush,
    sweep: (last) => {
      sweep(last).catch(host.fail);
      reload.settled(last);
    },
    receipt: async (of, form = "") => {
      if (!of?.event_id) throw new Error("no choice");
      if (of.pending) throw new Error("not recorded yet");
      return asked(`receipts/${of.event_id}${form}`);
    },
    history: () => asked("choices"),
    name: (choosing) => host.choose(namedAct(boot, choosing, host.snapshot())),
    remember: () => {
      const { categories, prior } = host.snapshot();
      if (prior?.by_signal) return;
      const act = presentAct(boot, host.snapshot());
      for (const rule of boot.rules.categories) if (rule.gpc) act.categories[rule.id] = false;
      // What was consented to before, and GPC does not reach, stays a consent.
      const consents = keys(act.categories).some(
        (id) => act.categories[id] && categories[id]?.reason === "choice_granted",
      );
      host.choose({ ...act, action: consents ? "save" : "opt_out", control: SIGNAL });
    },
  };
};
