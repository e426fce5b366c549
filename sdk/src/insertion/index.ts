/**
 * What `intercept` does about elements, markup and styles. A chunk of its own for its size: the
 * service brings it along, and `intercept` opens it.
 */

import type { Ground, Realm } from "../intercept/ground";
import type { Wrap } from "../intercept/wrap";
import { wrapAttributes } from "./attributes";
import { openElements } from "./elements";
import { wrapFonts } from "./fonts";
import { openMarkup } from "./markup";
import { wrapRules } from "./rules";
import { openStyles } from "./styles";

export interface Insertion {
  /** Stands in, in one window, for all that puts an address into a document. */
  wrap(realm: Realm, wrap: Wrap): void;
  /** Finds again, under a root, what came into it as markup and is held. */
  collect(root: Node): void;
}

export interface InsertionModule {
  open(ground: Ground): Insertion;
}

export const open: InsertionModule["open"] = (ground) => {
  const inert = document.implementation.createHTMLDocument("");
  const styles = openStyles(ground);
  const elements = openElements(ground, styles, inert);
  const markup = openMarkup(ground, elements, styles, inert);
  return {
    collect: markup.collect,
    wrap: (realm, wrap) => {
      wrapAttributes(realm, wrap, ground, elements, styles);
      markup.wrap(realm, wrap);
      wrapRules(realm, wrap, ground, elements, styles);
      wrapFonts(realm, wrap, ground, styles);
    },
  };
};
