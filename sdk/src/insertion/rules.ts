/** CSS that code writes: declarations, rules and sheets. */

import type { Ground, Realm } from "../intercept/ground";
import type { Args, Proceed, Wrap } from "../intercept/wrap";
import { set } from "../natives";
import type { Elements } from "./elements";
import type { Styles } from "./styles";

export const wrapRules = (
  realm: Realm,
  wrap: Wrap,
  { mirror, prototypeOf }: Ground,
  elements: Elements,
  styles: Styles,
): void => {
  const declared = <T>(style: CSSStyleDeclaration, css: T) =>
    styles.masked(style, css, (place) => {
      place.cssText = styles.mended(place.cssText);
    });
  const { face, real, unveil } = mirror<CSSStyleDeclaration>((style, key, value) =>
    set(style, key, declared(style, value)),
  );
  const { prototype } = realm.CSSStyleDeclaration;
  unveil(prototype, wrap);
  wrap(prototype, "setProperty", (self, [name, value, ...more], proceed) =>
    proceed([name, declared(real(self), value), ...more]),
  );
  wrap(prototype, "cssText", (self, [css], proceed) => proceed([declared(real(self), css)]), "set");

  for (const name of [
    ...["HTMLElement", "SVGElement", "MathMLElement"],
    ...["CSSStyleRule", "CSSPageRule", "CSSKeyframeRule", "CSSFontFaceRule"],
  ]) {
    const owner = prototypeOf(realm, name);
    wrap(owner, "style", (_self, _, proceed) => face(proceed() as CSSStyleDeclaration), "get");
    wrap(
      owner,
      "style",
      (self: Element, [css], proceed) =>
        /E/.test(name) ? elements.set(self, "style", css, (_, free) => proceed([free])) : proceed(),
      "set",
    );
  }

  const insert = (sheet: CSSStyleSheet, [css, at]: Args, proceed: Proceed) => {
    let made: CSSRule | undefined;
    const free = styles.masked(sheet, css, (place) => {
      const now = [...place.cssRules].indexOf(made as CSSRule);
      if (now < 0) return;
      place.deleteRule(now);
      made = place.cssRules[proceed([styles.mended(free), now]) as number];
    });
    const index = proceed([free, at]) as number;
    made = sheet.cssRules[index];
    return index;
  };
  const sheets = realm.CSSStyleSheet.prototype;
  for (const owner of [sheets, prototypeOf(realm, "CSSGroupingRule")]) {
    wrap(owner, "insertRule", insert);
  }
  wrap(sheets, "addRule", (self: CSSStyleSheet, [selector, css, at], proceed) => {
    if (!styles.judge(css)) return proceed();
    self.insertRule(`${selector}{${css}}`, at ?? self.cssRules.length);
    return -1;
  });
  for (const name of ["replace", "replaceSync"]) {
    wrap(sheets, name, (self: CSSStyleSheet, [css], proceed) => {
      const free = styles.masked(self, css, () => proceed([styles.mended(free)]));
      return proceed([free]);
    });
  }
};
