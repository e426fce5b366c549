/** Fonts that code makes. */

import type { Ground, Realm } from "../intercept/ground";
import type { Wrap } from "../intercept/wrap";
import type { Styles } from "./styles";

export const wrapFonts = (
  realm: Realm,
  wrap: Wrap,
  { keeping, prototypeOf, textOf }: Ground,
  styles: Styles,
): void => {
  const sources = new WeakMap<object, string>();
  const hold = (face: object, run: () => unknown, drop: () => unknown) => {
    const name = sources.get(face) ?? "";
    const judge = () => styles.judge(name);
    return keeping.hold({}, "", { cause: "font", name, judge, run: () => run(), drop });
  };
  wrap(realm, "FontFace", (_, args, proceed) => {
    const face = proceed() as object;
    sources.set(face, textOf(args[1]));
    return face;
  });
  wrap(prototypeOf(realm, "FontFace"), "load", (self, _, proceed) => {
    let settle: ((font: unknown) => void) | undefined;
    const later = new Promise((done, fail) => {
      settle = hold(
        self,
        () => done(proceed()),
        () => fail(new DOMException("", "NetworkError")),
      )
        ? done
        : undefined;
    });
    return settle ? later : proceed();
  });
  wrap(prototypeOf(realm, "FontFaceSet"), "add", (self, [face], proceed) =>
    hold(face, proceed, () => {}) ? self : proceed(),
  );
};
