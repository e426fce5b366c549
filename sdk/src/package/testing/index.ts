/** `holdfire/testing`: for the tests of pages and code that use Holdfire. */

export { type Destination, isAt, type Recording } from "./addressed";
export { cypress } from "./cypress";
export { type FakeHoldfire, type Faking, fakeHoldfire } from "./fake";
export type { Chosen, Said } from "./inPage";
export type { Placing } from "./place";
export {
  expectNoRequest,
  recordRequests,
  setChoice,
  setPlace,
  setSignals,
  type TestPage,
} from "./playwright";
export { type FakeService, fakeService, type Serving } from "./service";
