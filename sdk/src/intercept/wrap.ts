/** Standing in for the browser's own functions, and giving them back. */

import type { Host } from "../host";
import { apply, bare } from "../natives";

/** Goes on as the browser would, unless told to with other arguments or on another object. */
export type Proceed = (args?: readonly unknown[], self?: unknown) => unknown;

/** What a caller gave, of which anything may be missing. */
export type Args = readonly [never, never, never, ...never[]];

/** Called in the browser's place. Of a constructor, `self` is what `new` was called on. */
export type Handler = (self: never, args: Args, proceed: Proceed) => unknown;

export type Wrap = (
  owner: object | undefined,
  name: string,
  handler: Handler,
  kind?: "value" | "get" | "set",
) => void;

const { getOwnPropertyDescriptor, defineProperty } = Object;
const { construct } = Reflect;

/**
 * Puts a Proxy in the place of what is there: it is written like a native function, has the same
 * members, and can be extended. The ways back are added to `undo`.
 */
export const openWrap = (fail: Host["fail"], undo: (() => void)[]): Wrap => {
  const define = (owner: object, name: string, descriptor: PropertyDescriptor) => {
    try {
      defineProperty(owner, name, bare(descriptor));
    } catch (cause) {
      fail(cause);
    }
  };
  const put = (
    owner: object,
    name: string,
    before: PropertyDescriptor,
    kind: "value" | "get" | "set",
    after: unknown,
  ) => {
    define(owner, name, { ...before, [kind]: after });
    undo.unshift(() => {
      // What the page has since put around ours is the page's own.
      const now = getOwnPropertyDescriptor(owner, name);
      if (now?.[kind] === after) define(owner, name, { ...now, [kind]: before[kind] });
    });
  };
  return (owner, name, handler, kind = "value") => {
    const before: PropertyDescriptor = bare((owner && getOwnPropertyDescriptor(owner, name)) ?? {});
    const native = before[kind];
    if (!owner || typeof native !== "function") return;
    const after = new Proxy(
      native,
      bare({
        apply: (_: object, self: never, args: Args) =>
          handler(self, args, (given = args, on = self) => apply(native, on, given)),
        construct: (_: object, args: Args, of: never) =>
          handler(of, args, (given = args) => construct(native, given, of)) as object,
      }) as never,
    );
    put(owner, name, before, kind, after);
    // Whoever has an instance has its constructor.
    const made = kind === "value" && native.prototype;
    const maker = made && getOwnPropertyDescriptor(made, "constructor");
    if (maker?.value === native) put(made, "constructor", maker, kind, after);
  };
};
