/**
 * Addresses in CSS. Only the address is held: in its place stands one that names nothing, and the
 * rest of the style is as it was written.
 */

import type { Ground } from "../intercept/ground";
import type { Verdict } from "../intercept/hosts";
import { apply } from "../natives";

const TOKEN = /[^\s"'(),]+/g;
const STAND_IN = "about:invalid#holdfire-";
const STANDING_IN = /about:invalid#holdfire-(\d+)/g;
const { getAttribute, setAttribute } = Element.prototype;

export interface Styles {
  judge(css: string): Verdict | null;
  /**
   * What to set in place of this CSS: itself, or a text without what may not be loaded. `mend` is
   * called each time that more of it may.
   */
  masked<P extends object, T>(place: P, css: T, mend: (place: P) => void): T | string;
  /** CSS in which what may be loaded by now stands again. */
  mended(css: string | null): string;
  /** Likewise for the style attribute of an element. */
  attribute<T>(element: Element, css: T): T | string;
  /** Likewise for a text of a style element. */
  text<T>(element: Node, css: T): T | string;
}

export const openStyles = ({ hosts, keeping, textOf }: Ground): Styles => {
  const addresses: string[] = [];

  const judge = (css: string): Verdict | null => {
    for (const [token] of css.matchAll(TOKEN)) {
      const verdict = /[/\\]/.test(token) && hosts.address(token);
      if (verdict) return verdict;
    }
    return null;
  };
  const masked: Styles["masked"] = (place, css, mend) => {
    let free = css as string;
    const text = textOf(css);
    for (const [token] of text.matchAll(TOKEN)) {
      if (!judge(token)) continue;
      const held = { cause: "style", name: token, judge: () => judge(token), run: mend };
      const name = STAND_IN + addresses.length;
      if (!keeping.hold(place, name, held)) continue;
      addresses.push(token);
      free = `${free}`.replace(token, name);
    }
    return free;
  };
  const mended = (css: string | null) =>
    (css ?? "").replace(STANDING_IN, (token, at) => {
      const address = addresses[at] as string;
      return judge(address) ? token : address;
    });
  return {
    judge,
    masked,
    mended,
    attribute: (element, css) =>
      masked(element, css, (place) =>
        apply(setAttribute, place, ["style", mended(apply(getAttribute, place, ["style"]))]),
      ),
    text: (element, css) =>
      masked(element, css, (place) => {
        place.textContent = mended(place.textContent);
      }),
  };
};
