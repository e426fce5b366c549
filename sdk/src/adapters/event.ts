/** One event at each change, for whoever listens: in the shape that Usercentrics made known. */

import type { Host } from "../host";
import type { Part } from "../types";
import { adapter, type Line, type Options, permitsEach, queue } from "./adapter";

interface Heard extends Options {
  /** What the event is called in the data layer. */
  readonly name: string;
  /** The data layer's own name, or "" for none. */
  readonly data_layer: string;
  /** What the event is called on the window, or "" for none. */
  readonly window_event: string;
}

export const open = (host: Host, options: Heard): Part => {
  const { name, data_layer, window_event } = options;
  const { rules, services } = host.boot;
  let action = "onInitialPageLoad";
  const say: Line["say"] = (calls) => {
    const [[explicit, each, ucCategory] = []] = calls();
    const told = { ...Object(each), event: name, type: explicit, action, ucCategory };
    action = "onUpdateServices";
    if (data_layer) queue(data_layer).push(told);
    if (window_event) window.dispatchEvent(new CustomEvent(window_event, { detail: told }));
  };
  const itself = (all: readonly { id: string }[]) =>
    permitsEach(host, Object.fromEntries(all.map(({ id }) => [id, [id]])));
  return adapter(host, options, { say }, (_, { prior }) => [
    [prior ? "explicit" : "implicit", itself(services), itself(rules.categories)],
  ]);
};
