/** The verifier's page as one file that stands alone: from the service, from a disc, from a court bundle. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundle } from "../bundle.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));

const source = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/**
 * The page's HTML. Its own policy lets run what stands in it, and nothing else: no request can
 * leave, whatever a receipt says. The service repeats the policy as a header.
 */
export const page = async () => {
  const script = await bundle("../verify/page.ts", "iife");
  const { outputFiles } = await build({
    entryPoints: [join(HERE, "page.css")],
    minify: true,
    write: false,
  });
  const style = outputFiles[0].text.trim();
  const policy = [
    "default-src 'none'",
    `script-src ${source(script)}`,
    `style-src ${source(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
  if (/<\/script|<!--/i.test(script)) throw new Error("the script would end its own element");
  const html = await readFile(join(HERE, "page.html"), "utf8");
  return html
    .replace("CONTENT-SECURITY-POLICY", policy)
    .replace("<style></style>", () => `<style>${style}</style>`)
    .replace("<script></script>", () => `<script>${script}</script>`);
};
