/**
 * Builds what the service serves into `static/dist/`, and fails when it grows over its budget.
 *
 *     core.js              the SDK core, wrapped by the service into each boot script
 *     {chunk}.{hash}.js    the chunks beside it, ES modules, each loaded when there is a use for it
 *     {chunk}.inline.js    those that the service may put into the boot script itself, as functions
 *     frame.js             what frames of other origins load, by itself
 *     verify.html          the page that checks receipts, all in one file
 *     manifest.json        the hash in all their names, and their sizes in bytes
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { bundle, enclosed } from "./bundle.mjs";
import { page } from "./verify/build.mjs";

/**
 * Bytes after brotli at quality 11: what a visitor downloads. `asking` is the core with what asks
 * the visitor, in one stream, as the boot script brings it. Lower these whenever a build allows it.
 */
const BUDGET = {
  core: 6_780,
  act: 1_200,
  courier: 3_900,
  banner: 4_600,
  layout: 400,
  corner: 1_900,
  preferences: 3_780,
  template: 900,
  age: 1_000,
  history: 1_600,
  held: 3_400,
  headless: 2_000,
  intercept: 3_000,
  insertion: 3_480,
  writes: 800,
  frames: 700,
  native: 700,
  handoff: 1_200,
  debug: 700,
  overlay: 4_000,
  asking: 11_510,
};
/** An adapter is one table of calls: all of them alike, each within this. */
const ADAPTER = 600;
/** What frames of other origins load, by itself: no chunk, and no page of the site ever loads it. */
const FRAME = 900;
/** The verifier's page, whole. No site ever loads it. */
const VERIFY = 12_000;
/** `holdfire/verify`, which no page loads: edge workers start faster for it. */
const TOKEN = 1_530;
const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(HERE, "src");

/** Of `adapters/`, every file but what they share. */
const adapters = existsSync(join(SOURCES, "adapters"))
  ? (await readdir(join(SOURCES, "adapters")))
      .map((file) => file.replace(/\.ts$/, ""))
      .filter((name) => name !== "adapter")
      .sort()
  : [];
/** Each chunk's name and its entry. */
const ENTRIES = Object.fromEntries([
  ...Object.keys(BUDGET)
    .filter((name) => existsSync(join(SOURCES, name, "index.ts")))
    .map((name) => [name, `${name}/index.ts`]),
  ...adapters.map((name) => [`adapter-${name}`, `adapters/${name}.ts`]),
]);
const CHUNKS = Object.keys(ENTRIES);
/** What the service may put into the boot script: what asks, and every part a site can turn on. */
const PARTS = ["intercept", "insertion", "writes", "frames", "native", "handoff", "debug"];
const INLINED = CHUNKS.filter(
  (name) => ["act", "banner", "layout", ...PARTS].includes(name) || name.startsWith("adapter-"),
);

const DIST = join(HERE, "..", "static", "dist");

const sizesOf = (text) => ({
  raw: Buffer.byteLength(text),
  gzip: gzipSync(text, { level: 9 }).length,
  brotli: brotliCompressSync(text).length,
});

const core = await bundle("index.ts", "iife");
const chunks = {};
for (const name of CHUNKS) chunks[name] = await bundle(ENTRIES[name], "esm");
const frame = await bundle("frame/index.ts", "iife");
const verify = await page();
const token = await bundle("package/verify/index.ts", "esm");
const asking = core + ["act", "banner"].map((name) => enclosed(chunks[name])).join("");
const sdk = createHash("sha256")
  .update(JSON.stringify([core, chunks]))
  .digest("hex")
  .slice(0, 8);
const sizes = Object.fromEntries(
  Object.entries({ core, ...chunks, asking, frame, verify, token }).map(([name, text]) => [
    name,
    sizesOf(text),
  ]),
);

await mkdir(DIST, { recursive: true });
for (const old of await readdir(DIST)) await rm(join(DIST, old), { recursive: true });
await writeFile(join(DIST, "core.js"), core);
await writeFile(join(DIST, "frame.js"), frame);
await writeFile(join(DIST, "verify.html"), verify);
for (const name of CHUNKS) await writeFile(join(DIST, `${name}.${sdk}.js`), chunks[name]);
for (const name of INLINED)
  await writeFile(join(DIST, `${name}.inline.js`), enclosed(chunks[name]));
const manifest = { sdk, chunks: CHUNKS, inlined: INLINED, sizes };
await writeFile(join(DIST, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

if (existsSync(join(HERE, "demo.mjs"))) {
  const { demo } = await import("./demo.mjs");
  await demo();
}

console.table(sizes);
for (const [name, { brotli }] of Object.entries(sizes)) {
  const budget = { ...BUDGET, frame: FRAME, verify: VERIFY, token: TOKEN }[name] ?? ADAPTER;
  if (brotli <= budget) continue;
  console.error(`${name}: ${brotli} bytes after brotli, over its budget of ${budget}`);
  process.exitCode = 1;
}
