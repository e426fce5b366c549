/**
 * What is done inside the page under test. Each function travels there as its text, so it stands
 * alone: nothing outside of it may be named.
 */

import type { Choice, Choosing, Holdfire } from "../../types";

/** What a visitor chooses: everything, nothing, or as `holdfire.choose` takes it. */
export type Chosen = "accept_all" | "reject_all" | "withdraw" | Choosing;

/** What the visitor's browser says by itself. What is left out it does not say. */
export interface Said {
  gpc?: boolean;
  dnt?: boolean;
}

/** The window of a page under test. */
export type PageWindow = Window & { holdfire?: Holdfire };

/** Chooses through the page's own Holdfire; gives the act once it stands. */
export const choose = async (page: PageWindow, chosen: Chosen): Promise<Choice> => {
  const { holdfire } = page;
  if (!holdfire || typeof holdfire.on !== "function") {
    throw new Error("Holdfire is not on this page: open the page first, and wait for it to load");
  }
  await holdfire.ready;
  return new Promise((tell) => {
    const off = holdfire.on("choice", ({ choice }) => {
      off();
      tell(choice);
    });
    if (chosen === "accept_all") holdfire.acceptAll();
    else if (chosen === "reject_all") holdfire.rejectAll();
    else if (chosen === "withdraw") holdfire.withdraw();
    else holdfire.choose(chosen);
  });
};

/** Whether nothing waits to be sent to the service any more. */
export const isRecorded = (page: Window): boolean => {
  try {
    const waits = /^holdfire:[^:]+:(out:|no$)/;
    return !Object.keys(page.localStorage).some((key) => waits.test(key));
  } catch {
    // A page without storage keeps nothing to look at.
    return true;
  }
};

/** Has the browser say it, to scripts of the page. */
export const speak = (page: Window, { gpc, dnt }: Said): void => {
  const { prototype } = (page as unknown as { Navigator: { prototype: object } }).Navigator;
  const say = (name: string, value: unknown) =>
    Object.defineProperty(prototype, name, { get: () => value, configurable: true });
  if (gpc !== undefined) say("globalPrivacyControl", gpc);
  if (dnt !== undefined) say("doNotTrack", dnt ? "1" : "0");
};

/** The same as headers. */
export const headersOf = ({ gpc, dnt }: Said): Record<string, string> => ({
  ...(gpc ? { "Sec-GPC": "1" } : {}),
  ...(dnt === undefined ? {} : { DNT: dnt ? "1" : "0" }),
});
