import type { Scene } from "./scene";

/** What the way back is called: the label the law wants, in the visitor's language if we have it. */
export function linkLabel({ boot: { links }, words: { texts }, say }: Scene): string {
  const [statutory] = links;
  const key = `link.${statutory?.id ?? "manage"}`;
  return key in texts ? say(key) : (statutory?.label ?? "");
}
