import type { Hosts } from "./hosts";
import type { Keeping } from "./keeping";
import type * as lists from "./lists";
import type { Mirror } from "./mirror";
import type { openStand } from "./stand";

/** One window with all that can be reached from it: the page's own, or that of a frame without one. */
export type Realm = Window & typeof globalThis;

/** What the part about requests lends to the one about elements, which is of no use without it. */
export interface Ground {
  readonly hosts: Hosts;
  readonly keeping: Keeping;
  /** A selector of the elements that bear a mark of this site: others' attributes are their own. */
  readonly marked: string;
  /** Whether an element with marks may load now. */
  permits(marked: Element): boolean;
  fail(cause: unknown): void;
  /** Sees to the windows of frames that are new under this root. */
  enter(root: Node): void;
  /** The elements under a root that match, and the root itself. */
  under(root: Node, selector: string): Element[];
  /** Anything as text; "" for what cannot be one, of which the browser will say so itself. */
  textOf(value: unknown): string;
  /** The prototype of a class of a realm, if this browser has it. */
  prototypeOf(realm: Realm, name: string): object | undefined;
  readonly mapped: typeof lists.mapped;
  readonly first: typeof lists.first;
  readonly stand: typeof openStand;
  mirror<T extends object>(set: (real: T, key: string, value: unknown) => boolean): Mirror<T>;
}
