/**
 * Tags as their makers publish them, for a test to serve: `node consumers/build.mjs FOLDER`, after
 * `make sdk/consumers/node_modules/.made`.
 *
 *     posthog.js   sets window.posthog
 *     clarity.js   sets window.Clarity, which loads the tag itself once it is started
 *     alloy.js     takes over window.alloy, the stub of Adobe's snippet
 *     segment.js   sets window.Segment: { AnalyticsBrowser, createWrapper }
 */
import { copyFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const [folder] = process.argv.slice(2);

/** One classic script; `name` is the global that gets what the entry exports. */
const bundle = (file, name, contents) =>
  build({
    stdin: { contents, resolveDir: HERE },
    bundle: true,
    minify: true,
    format: "iife",
    globalName: name,
    target: "es2020",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "warning",
    outfile: join(folder, file),
  });

await mkdir(folder, { recursive: true });
await copyFile(require.resolve("posthog-js/dist/array.no-external.js"), join(folder, "posthog.js"));
await copyFile(join(HERE, "node_modules/@adobe/alloy/dist/alloy.min.js"), join(folder, "alloy.js"));
await bundle("clarity.js", "Tag", `import it from "@microsoft/clarity"; window.Clarity = it;`);
await bundle(
  "segment.js",
  "Segment",
  `export { AnalyticsBrowser } from "@segment/analytics-next";
   export { createWrapper } from "@segment/analytics-consent-tools";`,
);
