/** Other tabs of the same site. Each act is told to them; where it is stored, they also notice. */

import { listen } from "./dom";
import { attempt } from "./shape";

/** `heard` gets what another tab told, or "" when only its storage tells. */
export const openTabs = (key: string, heard: (text: string) => void): ((text: string) => void) => {
  let channel: BroadcastChannel | null = null;
  // An opaque origin has none of this, nor has an old browser: storage has to do.
  const open = () => {
    channel = attempt(() => new BroadcastChannel(key));
    if (channel) listen(channel, "message", (event) => heard((event as MessageEvent<string>).data));
  };
  open();
  // An open channel keeps a page out of the back/forward cache.
  listen(window, "pagehide", () => {
    channel?.close();
    channel = null;
  });
  listen(window, "pageshow", (event) => {
    if ((event as PageTransitionEvent).persisted) open();
  });
  listen(window, "storage", (event) => {
    const changed = (event as StorageEvent).key;
    if (changed?.startsWith(key) ?? true) heard("");
  });
  return (text) => channel?.postMessage(text);
};
