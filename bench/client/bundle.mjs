/** Bundles the contenders that come as modules: `node bundle.mjs FOLDER`. */
import { join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const PAGES = fileURLToPath(new URL("pages/", import.meta.url));

await build({
  entryPoints: [join(PAGES, "c15t.js"), join(PAGES, "c15t-react.jsx")],
  outdir: argv[2],
  bundle: true,
  minify: true,
  jsx: "automatic",
  format: "iife",
  target: "es2020",
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none",
  logLevel: "warning",
});
