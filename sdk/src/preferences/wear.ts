import type { Scene } from "../banner/scene";
import css from "./preferences.css";

const dressed = new WeakSet<Node>();

/** Once `node` is where it is to be seen: its tree wears this chunk's style sheet; `then` the rest. */
export function wear({ dress }: Scene, node: Node, then = () => {}): void {
  queueMicrotask(() => {
    const tree = node.getRootNode();
    if (tree instanceof ShadowRoot && !dressed.has(tree)) {
      dressed.add(tree);
      dress(tree, css);
    }
    then();
  });
}
