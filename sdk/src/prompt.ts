/** The interface: loaded only when there is something to ask or to tell, or somebody asks for it. */

import { listen, query, read } from "./dom";
import type { Banner, BannerHost, BannerModule, Snapshot, View } from "./types";

/** What opens the preference centre from within the page's own markup. */
export const OPENER = '[data-holdfire="preferences"]';

export type Load = (address: string) => Promise<BannerModule>;

export interface Prompter {
  show(view: View, opener?: Element | null): void;
  hide(): void;
  /** Passes a change on to what is shown. */
  update(snapshot: Snapshot): void;
  /** Once the page is there: what has to be on it even when nothing is asked. */
  stay(snapshot: Snapshot): void;
}

/** Nothing of the page waits for the interface: while it fails, everything stays denied. */
export const openPrompter = (
  host: BannerHost,
  load: Load,
  failed: (cause: unknown) => void,
): Prompter => {
  let mounting: Promise<Banner> | undefined;
  let banner: Banner | undefined;
  /** What is to be seen, once it can be. */
  let wanted: View | undefined;
  let tries = 0;

  const mount = async () => {
    // Browsers remember a module that failed to load; another query makes it another module.
    const again = tries++ ? `?${tries}` : "";
    const chunk = await load(`${host.base}/assets/${host.boot.banner}${again}`);
    if (!read("body")) await new Promise((found) => listen(document, "DOMContentLoaded", found));
    banner = chunk.mount(host);
    return banner;
  };

  /** Uses the interface as soon as it is there; a failure to load it is tried again next time. */
  const use = (act: (banner: Banner) => void) => {
    mounting ??= mount();
    mounting.then(act).catch((cause) => {
      if (!banner) mounting = undefined;
      failed(cause);
    });
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
      if (banner) use((ready) => ready.hide());
    },
    update: (snapshot) => {
      if (banner) use((ready) => ready.update(snapshot));
      if (wanted === "banner" && !asks(snapshot)) wanted = undefined;
    },
    stay: (snapshot) => {
      const own = [...query(document, OPENER)].length > 0;
      const owed = snapshot.opt_out_status === "required" || !own;
      if (snapshot.prompt !== "none" && owed) use(() => {});
    },
  };
};

/** Whether the visitor is to be asked or informed, rather than left alone. */
export const asks = ({ prompt }: Snapshot): boolean => prompt === "banner" || prompt === "notice";
