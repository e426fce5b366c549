/** What is done about a decision: acts are made and carried, and everything can be refused at once. */

import type { ActModule, Acts } from "./act/host";
import type { Chunks } from "./chunks";
import type { Courier, CourierModule } from "./courier/host";
import type { Host } from "./host";
import { keyOf, REFUSED } from "./storage";
import type { Refusal } from "./types";

export interface Deeds extends Pick<Host, "act" | "courier" | "choose"> {
  /** Everything is refused, at once, even where the chunk that makes an act of it cannot be had. */
  refuse(action: Refusal): void;
  /** Makes the choice that the page's own code names. */
  name(choosing: unknown): void;
}

/** `view` is the page view that the chunks are lent, once something is done. */
export const openDeeds = (chunks: Chunks, view: () => Host): Deeds => {
  let acts: Acts | undefined;
  let courier: Courier | undefined;
  /** How often the visitor acted, or everything was refused. What waits since before then is void. */
  let overruled = 0;
  const unlessOverruled = <T>(use: (ready: T) => void) => {
    const before = overruled;
    return (ready: T) => {
      if (before === overruled) use(ready);
    };
  };
  /** What waits is void; and if all was refused, that holds for as long as no act is made of it. */
  const overrule = (refusal: Refusal | null) => {
    overruled++;
    if (!refusal) return;
    const { boot, local, settle } = view();
    local.set(keyOf(boot.site) + REFUSED, refusal);
    settle("choice");
  };
  const deeds: Deeds = {
    act: (use) => {
      const made = unlessOverruled(use);
      chunks.use<ActModule>("act", view().boot.sdk, ({ open }) => {
        acts ??= open(view());
        made(acts);
      });
    },
    courier: (use) =>
      chunks.use<CourierModule>("courier", view().boot.sdk, ({ open }) => {
        courier ??= open(view());
        use(courier);
      }),
    choose: (made) => {
      const { action, layer } = made;
      if (layer) overrule(action === "reject_all" || action === "withdraw" ? action : null);
      deeds.act((ready) => ready.choose(made));
    },
    refuse: (action) => {
      overrule(action);
      deeds.act((ready) => ready.refuse());
    },
    name: (choosing) => deeds.courier(unlessOverruled((ready) => ready.name(choosing))),
  };
  return deeds;
};
