import { button, element, link } from "./element";
import { frame, pageLinks, showModal, uniformControls } from "./firstLayer";
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
  showModal,
  uniformAct,
  uniformControls,
};

export type Hands = typeof hands;
