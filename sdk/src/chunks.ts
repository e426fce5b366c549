/** The parts that are loaded when there is a use for them, each a module under `{base}/assets/`. */

import { table } from "./natives";
import type { Table, Words } from "./types";

export type Load = (address: string) => Promise<unknown>;

/** What came along inside the boot script, so that nothing has to be loaded to ask the visitor. */
export interface Inlined {
  /** Each gives the exports of its chunk. */
  readonly chunks: Table<() => unknown>;
  readonly words: Words | null;
  /** The chunks that the site turned on, each with its options. */
  readonly parts: readonly (readonly [name: string, options: unknown])[];
}

export interface Chunks {
  /** Gets a chunk by its name. One that failed to load is loaded anew the next time. */
  get<T>(name: string, build: string): Promise<T>;
  /** Uses a chunk: within this call if it is there already. */
  use<T>(name: string, build: string, act: (chunk: T) => void): void;
}

export const openChunks = (
  base: string,
  load: Load,
  inlined: Inlined,
  failed: (cause: unknown) => void,
): Chunks => {
  const there = table<unknown>();
  const loading = table<Promise<unknown> | null>();
  let failures = 0;
  const find = (name: string) => {
    there[name] ??= inlined.chunks[name]?.();
    return there[name];
  };
  const get = async (name: string, build: string) => {
    if (find(name)) return there[name];
    // Browsers remember a module that failed to load; another query makes it another module.
    loading[name] ??= load(`${base}/assets/${name}.${build}.js${failures ? `?${failures}` : ""}`);
    try {
      there[name] = await loading[name];
    } catch (cause) {
      loading[name] = null;
      failures++;
      throw cause;
    }
    return there[name];
  };
  return {
    get: get as Chunks["get"],
    use: (name, build, act) => {
      try {
        const chunk = find(name);
        if (chunk) act(chunk as never);
        else
          get(name, build)
            .then(act as never)
            .catch(failed);
      } catch (cause) {
        failed(cause);
      }
    },
  };
};
