/** The interface: loaded only when there is something to ask or to tell, or somebody asks for it. */

import { listen, query, read } from "./dom";
import type { Host } from "./host";
import type { Banner, BannerModule, HeldModule, Snapshot, View, Words } from "./types";

/** Controls in the page's own markup. */
export const OWN = '[data-holdfire="preferences"],[data-holdfire="withdraw"]';
const EMBED = '[data-holdfire="embed"]';

export interface Prompter {
  show(view: View, opener?: Element | null): void;
  hide(): void;
  /** Passes a change on to what is shown. */
  update(): void;
  /** Once the page is there: what has to be on it even when nothing is asked. */
  stay(): void;
  /** Something is held that leaves a hole where it stands. */
  hole(): void;
}

/** Nothing of the page waits for the interface: while it fails, everything stays denied. */
export const openPrompter = (host: Host): Prompter => {
  const { boot, snapshot } = host;
  let banner: Banner | undefined;
  let held: { update(): void } | undefined;
  /** Whether there are holes to fill, and whether the page is there. */
  let holes = false;
  let stays = false;
  /** What is to be seen, once it can be. */
  let wanted: View | undefined;

  const draw = async <T>(name: string, mount: (chunk: T, words: Words) => void) => {
    const [chunk, words] = await Promise.all([
      host.chunk<T>(name),
      host.inlined.words ?? host.words(boot.language),
    ]);
    if (!read("body")) await new Promise((found) => listen(document, "DOMContentLoaded", found));
    mount(chunk, words);
  };

  /** Uses the interface as soon as it is there; a failure to load it is tried again next time. */
  const use = (act: (banner: Banner) => void) => {
    draw<BannerModule>(boot.look.layout === "headless" ? "headless" : "banner", (chunk, words) => {
      banner ??= chunk.mount(host, words);
      act(banner);
    }).catch(host.fail);
  };

  const fill = () => {
    if (!holes || !stays) return;
    if (held) return held.update();
    draw<HeldModule>("held", (chunk, words) => {
      held ??= chunk.mount(host, words);
    }).catch(host.fail);
  };

  return {
    show: (view, opener = null) => {
      wanted = view;
      use((ready) => {
        if (wanted === view) ready.show(view, opener);
      });
    },
    hide: () => {
      wanted = undefined;
      banner?.hide();
    },
    update: () => {
      banner?.update(snapshot());
      held?.update();
      if (wanted === "banner" && !asks(snapshot())) wanted = undefined;
    },
    stay: () => {
      const { prompt, opt_out_status } = snapshot();
      if (prompt !== "none" && (opt_out_status === "required" || ![...query(document, OWN)][0])) {
        use((ready) => ready.update(snapshot()));
      }
      for (const place of query(document, EMBED)) use((ready) => ready.embed(place));
      stays = true;
      fill();
    },
    hole: () => {
      holes = true;
      fill();
    },
  };
};

/** Whether the visitor is to be asked or informed, rather than left alone. */
export const asks = ({ prompt }: Snapshot): boolean => prompt === "banner" || prompt === "notice";
