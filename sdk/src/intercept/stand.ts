/** An object that stands for one of the browser's own that may not be made yet. */

import { apply, bare, get, set, table } from "../natives";
import { attempt } from "../shape";

export interface Stand {
  face: object;
  /** Whether it was closed before it was anything. */
  closed(): boolean;
  /** From now on it is this one, which is told all that the other was told. */
  become(real: object): void;
}

/**
 * `prototype` is that of the browser's class, `from` that of the class which was asked for, `known`
 * what its members say until then.
 */
export const openStand = (prototype: object, from: object, known: object): Stand => {
  const given = table<unknown>();
  const calls: (readonly [key: string, args: unknown[]])[] = [];
  let real: object | undefined;

  const face: object = new Proxy(
    Object.create(from),
    bare({
      get: (own: object, key: string) => {
        // What a subclass adds is its own.
        if (!(key in prototype)) return get(own, key, face);
        if (real) {
          const value = get(real, key);
          return typeof value === "function" ? value.bind(real) : value;
        }
        if (key in given) return given[key];
        if (key in known) return known[key as never];
        const native = attempt(() => get(from, key));
        if (typeof native !== "function" || !/native code/.test(`${native}`)) return native;
        return (...args: unknown[]) => {
          calls.push([key, args]);
        };
      },
      set: (own: object, key: string, value: unknown) => {
        if (!(key in prototype)) return set(own, key, value);
        if (real) return set(real, key, value);
        given[key] = value;
        return true;
      },
    }),
  );
  return {
    face,
    closed: () => calls.some(([key]) => key === "close"),
    become: (made) => {
      real = made;
      for (const key in given) set(made, key, given[key]);
      for (const [key, args] of calls) attempt(() => apply(get(made, key), made, args));
    },
  };
};
