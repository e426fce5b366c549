import { readFile } from "node:fs/promises";
import { transform } from "esbuild";

/**
 * esbuild plugin: `import css from "./sheet.css"` gives the sheet's text, minified.
 * esbuild's own `text` loader would carry every comment and space of the source to the visitor.
 */
export const cssText = {
  name: "css-text",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const { code, warnings } = await transform(source, {
        loader: "css",
        minify: true,
        sourcefile: path,
      });
      return { contents: code.trim(), loader: "text", warnings, watchFiles: [path] };
    });
  },
};
