declare module "*/bundle.mjs" {
  /** One entry of `src/` as the text that is served. */
  export function bundle(entry: string, format: "iife" | "esm"): Promise<string>;
  /** A chunk as the text of a function that gives its exports. */
  export function enclosed(chunk: string): string;
}
