/** Objects whose members are set by their mere name: what stands before them sees it. */

import { get, table } from "../natives";
import type { Proceed, Wrap } from "./wrap";

export interface Mirror<T extends object> {
  /** What stands before this one. */
  face(real: T): T;
  /** What it stands before, or the object itself. */
  real(face: T): T;
  /** Has the browser's functions for such objects know them behind their faces. */
  unveil(prototype: object, wrap: Wrap): void;
}

export const openMirror = <T extends object>(
  set: (real: T, key: string, value: unknown) => boolean,
): Mirror<T> => {
  const faces = new WeakMap<T, T>();
  /** By the face, and by what the engine takes for its target. */
  const reals = new WeakMap<object, T>();
  const real = (face: T) => reals.get(face) ?? face;
  // Over the real one, engines would look at it after each trap, through the page's prototypes.
  const traps = table<unknown>();
  for (const name of Object.getOwnPropertyNames(Reflect)) {
    const native = Reflect[name as "get"] as (...of: unknown[]) => unknown;
    traps[name] = (shell: object, ...of: unknown[]) => native(reals.get(shell), ...of);
  }
  traps.get = (shell: object, key: string) => get(reals.get(shell) as T, key as never);
  traps.set = (shell: object, key: string, value: unknown) =>
    set(reals.get(shell) as T, key, value);
  traps.defineProperty = (shell: object, key: string, { value }: PropertyDescriptor) =>
    set(reals.get(shell) as T, key, value);
  return {
    real,
    face: (target) => {
      let face = faces.get(target);
      if (!face) {
        const shell = {};
        face = new Proxy(shell, traps as never) as T;
        faces.set(target, face);
        reals.set(shell, target);
        reals.set(face, target);
      }
      return face;
    },
    unveil: (prototype, wrap) => {
      const onReal = (self: T, args: readonly unknown[], proceed: Proceed) =>
        proceed(args, real(self));
      for (const name of Object.getOwnPropertyNames(prototype)) {
        if (name === "constructor") continue;
        for (const kind of ["value", "get", "set"] as const) {
          wrap(prototype, name, onReal as never, kind);
        }
      }
    },
  };
};
