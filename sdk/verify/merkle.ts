/** The Merkle tree of RFC 6962 §2.1, as far as one receipt needs it. */

import { sha256 } from "./digest";
import { Malformed } from "./malformed";
import type { Octets } from "./octets";

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

/** The hash of an entry as a leaf. */
export const leafHash = (entry: Octets): Promise<Octets> => sha256(LEAF, entry);

const nodeHash = (left: Octets, right: Octets): Promise<Octets> => sha256(NODE, left, right);

/**
 * The root that follows from a leaf's hash and its path, by the steps of RFC 9162 §2.1.3.2, which
 * are the same for both versions of the tree. `from` is the leaf's place at the present level, and
 * `last` that of the level's last node. Throws `Malformed` where the path is not as long as the
 * tree is high there.
 */
export const rootFrom = async (
  index: bigint,
  size: bigint,
  leaf: Octets,
  path: readonly Octets[],
): Promise<Octets> => {
  if (index >= size) throw new Malformed("the index is beyond the end of the log");
  let from = index;
  let last = size - 1n;
  let root = leaf;
  for (const sibling of path) {
    if (last === 0n) throw new Malformed("the path is too long");
    if (from & 1n || from === last) {
      root = await nodeHash(sibling, root);
      // The last node of a level that has no sibling goes up as it is.
      while (from !== 0n && !(from & 1n)) {
        from >>= 1n;
        last >>= 1n;
      }
    } else {
      root = await nodeHash(root, sibling);
    }
    from >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw new Malformed("the path is too short");
  return root;
};
