/** Playwright: visitors of all kinds, and requests that must not happen. */

import type { Choice } from "../../types";
import { type Destination, type Recording, recording } from "./addressed";
import { type Chosen, choose, headersOf, isRecorded, type Said, speak } from "./inPage";
import { addressIn, type Placing, placed } from "./place";

/** Of Playwright's `Page`, what is used here: so nothing of Playwright has to be there to compile. */
export interface TestPage {
  addInitScript(script: { content: string }): Promise<unknown>;
  evaluate(expression: string): Promise<unknown>;
  waitForTimeout(milliseconds: number): Promise<void>;
  setExtraHTTPHeaders(headers: Record<string, string>): Promise<void>;
  route(
    address: RegExp,
    answer: (route: {
      request(): { url(): string };
      continue(changes?: { url?: string }): Promise<void>;
    }) => Promise<void>,
  ): Promise<unknown>;
  on(event: "request", heard: (request: { url(): string }) => void): unknown;
  on(event: "websocket", heard: (socket: { url(): string }) => void): unknown;
}

const call = (run: (...given: never[]) => unknown, ...given: readonly unknown[]): string =>
  `(${run})(window${given.map((one) => `,${JSON.stringify(one)}`).join("")})`;

const MOMENT = 50; // milliseconds between two looks
const PATIENCE = 30_000; // milliseconds, as Playwright's own

/** Waits for an expression to be true. Playwright's own wait needs `unsafe-eval` for this. */
const until = async (page: TestPage, expression: string, what: string): Promise<void> => {
  for (let waited = 0; !(await page.evaluate(expression)); waited += MOMENT) {
    if (waited > PATIENCE) throw new Error(`waited in vain: ${what}`);
    await page.waitForTimeout(MOMENT);
  }
};

/**
 * Makes a choice on the open page, through its own Holdfire and so with a record of its own. The
 * pages that this browser context opens next meet a visitor who has chosen. Waits until the service
 * has it, unless `recorded` is `false`.
 */
export const setChoice = async (
  page: TestPage,
  chosen: Chosen,
  { recorded = true }: { recorded?: boolean } = {},
): Promise<Choice> => {
  await until(page, "!!(window.holdfire && window.holdfire.ready)", "Holdfire is not on this page");
  const choice = await page.evaluate(call(choose, chosen));
  if (recorded) await until(page, call(isRecorded), "the choice is still on its way");
  return choice as Choice;
};

/**
 * Has the browser say Global Privacy Control or Do Not Track, by property and header, from the next
 * page on. Takes the place of other extra headers that the page was given.
 */
export const setSignals = async (page: TestPage, said: Said): Promise<void> => {
  await page.addInitScript({ content: call(speak, said) });
  await page.setExtraHTTPHeaders(headersOf(said));
};

/**
 * Puts the visitor into a place, "DE" or "US-CA", from the next page on: the law that decides on
 * the page is that of the place. What the service itself records is where it saw the request come
 * from, unless it is `holdfire demo` and you say so: `{ demo: true }`.
 */
export const setPlace = async (
  page: TestPage,
  place: string,
  placing: Placing = {},
): Promise<void> => {
  addressIn(place, "https://holdfire.test/", placing);
  await page.route(placed(placing), (route) =>
    route.continue({ url: addressIn(place, route.request().url(), placing) }),
  );
};

/** Records the address of every request and socket of the page from now on. */
export const recordRequests = (page: Pick<TestPage, "on">): Recording =>
  recording((heard) => {
    page.on("request", (request) => heard(request.url()));
    page.on("websocket", (socket) => heard(socket.url()));
  });

/**
 * Does something, or nothing but open eyes, and throws if meanwhile, or within `patience`
 * milliseconds after it, a request went to the destination.
 */
export const expectNoRequest = async (
  page: TestPage,
  destination: Destination,
  act: () => unknown = () => {},
  { patience = 500 }: { patience?: number } = {},
): Promise<void> => {
  const requests = recordRequests(page);
  await act();
  await page.waitForTimeout(patience);
  requests.expectNone(destination);
};
