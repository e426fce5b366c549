/** Acts: what turns a decision of the visitor into a choice that stands, and that can be sent. */

import type { Host } from "../host";
import { bare, freeze, keys, stringify } from "../natives";
import { DAY } from "../policy";
import { SIGNAL } from "../signals";
import type { Standing } from "../standing";
import { keyOf, prefixOf, REFUSED } from "../storage";
import type { Act, Choice, Decision } from "../types";
import { encode } from "./encode";
import { eventId } from "./eventId";
import type { Acts } from "./host";
import { wholeAct } from "./whole";

export const open = (host: Host): Acts => {
  const { boot, local, memory, now } = host;
  const key = keyOf(boot.site);

  const choose = (act: Act) => {
    const choice = stand(host, act);
    // The courier finds it here, now or on a later page.
    local.set(
      prefixOf(boot.site) + choice.event_id,
      stringify(bare({ queued: Date.now(), choice })),
    );
    local.remove(key + REFUSED);
    host.done(choice);
  };

  /** Lets an act stand, and gives it the form in which it is sent. */
  const stand = ({ signals, decision }: Host, act: Act): Choice => {
    const { version: notice_version, rules } = boot;
    const { action, categories, services } = act;
    const before = memory.recall(now());
    const recorded_at = Math.max(now(), before?.recorded_at ?? 0);
    const event_id = eventId();
    const { gpc, dnt } = signals();
    const standing = freeze({
      visitor: before?.visitor ?? "",
      age: before?.age ?? null,
      seq: before?.seq ?? 0,
      event_id,
      pending: true,
      action,
      categories,
      services,
      shown_services: boot.services.map((service) => service.id),
      notice_version,
      recorded_at,
      valid_until: recorded_at + rules.choice_days * DAY,
      // Both layers say so of a signal that has force here; the page's own code may not.
      gpc_noticed: act.layer > 0 && gpc && rules.categories.some((rule) => rule.gpc),
      dnt_noticed: act.layer > 0 && !!dnt && rules.categories.some((rule) => rule.dnt),
      by_signal: act.control === SIGNAL,
      // A switch that was found on and left on is no consent.
      left_on: keys(categories).filter(
        (id) => action === "save" && categories[id] && isLeftOn(decision(id), before, id),
      ),
    });
    memory.adopt(standing);
    local.set(key, encode(standing));
    const client_time = new Date(now() * 1000).toISOString();
    // Whatever the clocks say, an act that was made without knowledge of a newer one cannot undo it.
    const after = bare({ seq: before?.seq ?? 0, event_id: before?.event_id ?? "" });
    return bare({ ...act, event_id, notice_version, client_time, after });
  };

  return {
    choose,
    refuse: () => {
      const late = local.get(key + REFUSED);
      if (late) choose(wholeAct(boot, late === "withdraw" ? late : "reject_all", false));
    },
    accept: () => choose(wholeAct(boot, "accept_all", true)),
  };
};

const isLeftOn = ({ allow, reason }: Decision, before: Standing | null, id: string) =>
  reason === "default_granted" ||
  reason === "exempt_granted" ||
  (allow && before?.left_on.includes(id));
