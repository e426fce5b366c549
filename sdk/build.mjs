/**
 * Builds what the service serves into `static/dist/`, and fails when it grows over its budget.
 *
 *     core.js              the SDK core, wrapped by the service into each boot script
 *     banner.<hash>.js     the interface, an ES module, loaded when there is something to show
 *     manifest.json        their names, the build hash of the core, and their sizes in bytes
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { cssText } from "./css-text.mjs";

/**
 * Bytes after brotli at quality 11: what a visitor downloads. The goal for the core is 5,632; what
 * it weighs over that is the outbox, the sweep and the defences against hostile pages. Lower these
 * whenever a build allows it.
 */
const BUDGET = { core: 8_320, banner: 6_400 };

const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = join(HERE, "..", "static", "dist");

const bundle = async (entry, format) => {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, "src", entry)],
    bundle: true,
    minify: true,
    format,
    target: "es2020",
    charset: "utf8",
    // A member that begins with "_" is private, and its name nobody's business.
    mangleProps: /^_[a-z]/,
    plugins: [cssText],
    logLevel: "warning",
    write: false,
  });
  return outputFiles[0].text.trimEnd();
};

const hashOf = (text) => createHash("sha256").update(text).digest("hex").slice(0, 8);

const sizesOf = (text) => ({
  raw: Buffer.byteLength(text),
  gzip: gzipSync(text, { level: 9 }).length,
  brotli: brotliCompressSync(text).length,
});

const core = await bundle("index.ts", "iife");
const banner = await bundle("banner/index.ts", "esm");
const manifest = {
  core: "core.js",
  sdk: hashOf(core),
  banner: `banner.${hashOf(banner)}.js`,
  sizes: { core: sizesOf(core), banner: sizesOf(banner) },
};

await rm(DIST, { recursive: true, force: true });
await mkdir(DIST, { recursive: true });
await writeFile(join(DIST, manifest.core), core);
await writeFile(join(DIST, manifest.banner), banner);
await writeFile(join(DIST, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

if (existsSync(join(HERE, "demo.mjs"))) {
  const { demo } = await import("./demo.mjs");
  await demo();
}

console.table(manifest.sizes);
for (const [name, { brotli }] of Object.entries(manifest.sizes)) {
  if (brotli <= BUDGET[name]) continue;
  console.error(`${name}: ${brotli} bytes after brotli, over its budget of ${BUDGET[name]}`);
  process.exitCode = 1;
}
