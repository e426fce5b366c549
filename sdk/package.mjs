/**
 * Builds what `npm pack` publishes, into `dist/` or the folder that is named:
 *
 *     index.js, testing.js     ES modules
 *     verify.js                another, for servers and edge workers
 *     holdfire.iife.js         the first as a classic script, which sets the global `Holdfire`
 *     types/                   what TypeScript knows of them
 *
 * Before publishing, `prepack` runs it; `node package.mjs [folder]` makes the same by hand.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.argv[2] ?? join(HERE, "dist"));
const types = join(dist, "types");

const bundled = (entry, outfile, more) =>
  build({
    entryPoints: [join(HERE, "src", "package", entry)],
    outfile: join(dist, outfile),
    bundle: true,
    target: "es2020",
    charset: "utf8",
    logLevel: "warning",
    ...more,
  });

/**
 * Node and TypeScript ask for the whole name of a module that is imported from an ES module, and
 * the sources, which are bundled, leave out its end.
 */
const spelledOut = async (file) => {
  const text = await readFile(file, "utf8");
  const named = text.replace(/(from |import |import\()"(\.[^"]*)"/g, (_, before, name) => {
    const whole = existsSync(join(dirname(file), `${name}.d.ts`)) ? name : `${name}/index`;
    return `${before}"${whole}.js"`;
  });
  await writeFile(file, named);
};

await rm(dist, { recursive: true, force: true });
await Promise.all([
  bundled("index.ts", "index.js", { format: "esm" }),
  bundled("testing/index.ts", "testing.js", { format: "esm" }),
  // Neutral: nothing of a browser, and nothing of Node.
  bundled("verify/index.ts", "verify.js", { format: "esm", platform: "neutral" }),
  bundled("index.ts", "holdfire.iife.js", { format: "iife", globalName: "Holdfire", minify: true }),
  promisify(execFile)(process.execPath, [
    join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc"),
    ...["--project", join(HERE, "tsconfig.package.json"), "--outDir", types],
  ]),
]);
for (const name of await readdir(types, { recursive: true })) {
  if (name.endsWith(".d.ts")) await spelledOut(join(types, name));
}
await copyFile(join(HERE, "..", "LICENSE"), join(dist, "LICENSE"));
