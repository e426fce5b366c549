import { basename, resolve } from "node:path";
import { build } from "esbuild";

/** The sheet of every stage: the sheets that are put beside it read the tokens it declares. */
const SHARED = "banner.css";

/**
 * esbuild plugin: `import css from "./sheet.css"` gives the sheet's text with what it imports,
 * minified. esbuild's own `text` loader would carry every comment and space of the source to the
 * visitor.
 */
export const cssText = {
  name: "css-text",
  setup(outer) {
    outer.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { outputFiles, warnings, metafile } = await build({
        entryPoints: [path],
        bundle: true,
        minify: true,
        write: false,
        metafile: true,
        logLevel: "silent", // the outer build tells the warnings it is given
      });
      const css = outputFiles[0].text.trim();
      const contents = basename(path) === SHARED ? css : read(css);
      const watchFiles = Object.keys(metafile.inputs).map((file) => resolve(file));
      return { contents, loader: "text", warnings, watchFiles };
    });
  },
};

/** Without the tokens that the sheet declares and does not read. */
const read = (css) =>
  css.replace(/(--[\w-]+):[^;}]*;?/g, (declared, name) =>
    new RegExp(`var\\(${name}\\b(?!-)`).test(css) ? declared : "",
  );
