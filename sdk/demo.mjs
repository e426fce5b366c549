/**
 * The tags of the demo page: real tag code, as its makers publish it, for the demo's third party
 * to serve. `node demo.mjs` makes them alone; `build.mjs` makes them with everything else.
 *
 *     static/dist/vendor/posthog.js     sets window.posthog
 *     static/dist/vendor/plausible.js   sets window.plausible: { init, track }
 *     static/dist/vendor/mixpanel.js    sets window.mixpanel
 *     static/dist/vendor/LICENSES.txt   under which terms each of them, and what is inside it, comes
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = join(HERE, "node_modules");
const VENDOR = join(HERE, "..", "static", "dist", "vendor");
const require = createRequire(import.meta.url);

const TAGS = [
  {
    file: "posthog.js",
    from: "posthog-js",
    // What PostHog's own snippet loads, in the build that fetches no further script.
    make: () => readFile(require.resolve("posthog-js/dist/array.no-external.js"), "utf8"),
    inside: async () => Object.keys((await manifest("posthog-js")).dependencies),
  },
  {
    file: "plausible.js",
    from: "@plausible-analytics/tracker",
    make: () => bundle(`export * from "@plausible-analytics/tracker"`, "plausible"),
  },
  {
    file: "mixpanel.js",
    from: "mixpanel-browser",
    // The core alone: the session recorder would triple its size, and this page records nobody.
    make: () =>
      bundle(`globalThis.mixpanel = require("mixpanel-browser/dist/mixpanel-core.cjs.js")`),
  },
];

/** Write every tag, and the licences, to `static/dist/vendor/`. */
export async function demo() {
  await mkdir(VENDOR, { recursive: true });
  const licences = [];
  for (const { file, from, make, inside } of TAGS) {
    const { version, license } = await manifest(from);
    const notice = `/*! ${from} ${version}, ${license}; see LICENSES.txt beside this file. */\n`;
    await writeFile(join(VENDOR, file), notice + withoutMap(await make()));
    for (const name of [from, ...((await inside?.()) ?? [])]) {
      licences.push(await terms(name, file));
    }
  }
  await writeFile(join(VENDOR, "LICENSES.txt"), licences.join("\n"));
}

/** One classic script; `name` is the global that gets what the entry exports. */
async function bundle(contents, name) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: HERE },
    bundle: true,
    minify: true,
    format: "iife",
    globalName: name,
    target: "es2020",
    legalComments: "inline",
    logLevel: "warning",
    write: false,
  });
  return outputFiles[0].text;
}

/** A source map that is not served would only be asked for in vain. */
function withoutMap(code) {
  return code.replace(/^\/\/# sourceMappingURL=.*$/m, "");
}

async function manifest(name) {
  return JSON.parse(await readFile(join(MODULES, name, "package.json"), "utf8"));
}

/** What one package says of its terms: its licence file, or else the name of its licence. */
async function terms(name, file) {
  const { version, license } = await manifest(name);
  const found = (await readdir(join(MODULES, name))).find((entry) => /^licen[cs]e/i.test(entry));
  const text = found ? await readFile(join(MODULES, name, found), "utf8") : "";
  const rule = "=".repeat(78);
  return `${rule}\n${name} ${version} (${license}), in ${file}\n${rule}\n\n${text.trim()}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await demo();
}
