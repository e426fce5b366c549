import { button, element, link } from "./element";
import { frame, pageLinks, uniformControls } from "./firstLayer";
import { decidable, follow, record, uniformAct } from "./selection";
import { dress } from "./stage";

/** What the interface is made with: lent by the chunk that has it to those that come after it. */
export const hands = {
  button,
  decidable,
  dress,
  element,
  follow,
  frame,
  link,
  pageLinks,
  record,
  uniformAct,
  uniformControls,
};

export type Hands = typeof hands;
