/**
 * Cypress: the same with `cy`.
 *
 *     import { cypress as holdfire } from "holdfire/testing";
 *
 *     holdfire.setPlace(cy, "DE");
 *     const requests = holdfire.recordRequests(cy);
 *     cy.visit("/", { onBeforeLoad: (win) => holdfire.setSignals(win, { gpc: true }) });
 *     holdfire.setChoice(cy, "accept_all");
 *     cy.then(() => requests.expectNone("ads.example"));
 */

import { type Recording, recording } from "./addressed";
import {
  type Chosen,
  choose,
  headersOf,
  isRecorded,
  type PageWindow,
  type Said,
  speak,
} from "./inPage";
import { addressIn, type Placing, placed } from "./place";

/** Of an intercepted request, what is used here. */
interface Intercepted {
  url: string;
  headers: Record<string, unknown>;
}

/** What `cy.window()` gives: `should` is asked again for as long as it throws. */
interface WindowChain {
  should(met: (page: PageWindow) => void): WindowChain;
  then(run: (page: PageWindow) => unknown): unknown;
}

/** Of `cy`, what is used here. */
export interface Cy {
  window(): WindowChain;
  intercept(
    matching: { url: RegExp; middleware: boolean },
    meet: (request: Intercepted) => void,
  ): unknown;
}

/** Makes a choice on the open page, and waits until the service has it. */
const setChoice = (cy: Cy, chosen: Chosen): void => {
  cy.window()
    .should((page) => {
      if (!page.holdfire?.ready) throw new Error("Holdfire is not on this page yet");
    })
    .then((page) => choose(page, chosen));
  cy.window().should((page) => {
    if (!isRecorded(page)) throw new Error("the choice is still on its way");
  });
};

/** Has a window speak, before anything loads in it: for `onBeforeLoad`. With `cy`, the headers too. */
const setSignals = (page: Window, said: Said, cy?: Cy): void => {
  speak(page, said);
  cy?.intercept({ url: /.*/, middleware: true }, (request) => {
    Object.assign(request.headers, headersOf(said));
  });
};

/** Puts the visitor into a place, as `setPlace` does for Playwright. */
const setPlace = (cy: Cy, place: string, placing: Placing = {}): void => {
  addressIn(place, "https://holdfire.test/", placing);
  cy.intercept({ url: placed(placing), middleware: true }, (request) => {
    request.url = addressIn(place, request.url, placing);
  });
};

/** Records the address of every request from now on. */
const recordRequests = (cy: Cy): Recording =>
  recording((heard) => {
    cy.intercept({ url: /.*/, middleware: true }, (request) => heard(request.url));
  });

export const cypress = { setChoice, setSignals, setPlace, recordRequests };
