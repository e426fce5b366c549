/**
 * The package `holdfire`: types, and what an application uses beside the boot script. It decides
 * nothing: whatever it says of what is allowed, it has asked of `window.holdfire`.
 */

export type {
  Act,
  Action,
  Cancel,
  Cause,
  Choice,
  Choosing,
  Decision,
  Decisions,
  Events,
  Holdfire,
  Layer,
  Listener,
  OptOutStatus,
  Prior,
  Prompt,
  Reason,
  Signals,
  Snapshot,
  Table,
  View,
} from "../types";
export { type Loading, load } from "./load";
export type { Notice, NoticeCategory } from "./notice";
export { holdfire } from "./standIn";
export { getSnapshot, serverSnapshot, subscribe } from "./watching";
