/**
 * The site draws for itself. What it marks is shown and hidden, its switches agree with what holds,
 * and its controls do what they say and never more: the markup may be wrong, and other scripts of
 * the page may have been at it.
 *
 *     <div data-holdfire-layer="1" hidden>      the first layer; "2": the settings
 *     <button data-holdfire="reject_all">       accept_all, save and close likewise; the core itself
 *                                               sees to preferences and withdraw
 *     <input type="checkbox" data-holdfire-category="analytics">
 *     <p data-holdfire-signal hidden>           tells of a signal of the browser, while one has force
 *
 * Where a refusal or the way back is missing, our own banner takes over.
 */

import { listen, query, read } from "../dom";
import type { Banner, BannerModule, View } from "../types";
import { openControls } from "./controls";
import { hasForce, hasWayBack, lackOf, NO_WAY_BACK, reveal, SIGNAL, toggle } from "./layers";
import { openSwitches } from "./switches";

export const mount: BannerModule["mount"] = (host, words) => {
  const { fail } = host;
  const shown = new Map<View, Element | null>();
  const switches = openSwitches(host);
  let own: Promise<Banner> | undefined;
  /** Whether our own banner has taken over. */
  let over = false;

  const ours = (use: (banner: Banner) => void) => {
    own ??= host.chunk<BannerModule>("banner").then((chunk) => chunk.mount(host, words));
    own.then(use).catch((cause) => {
      own = undefined;
      fail(cause);
    });
  };

  const handOver = (lack: string, use: (banner: Banner) => void) => {
    over = true;
    hide();
    fail(new Error(`headless: ${lack} Holdfire's own banner is shown in its place.`));
    ours(use);
  };

  const take = (view: View) => {
    const opener = shown.get(view);
    shown.delete(view);
    reveal(view, false);
    if (opener instanceof HTMLElement) opener.focus();
  };

  const hide = () => {
    for (const view of [...shown.keys()].reverse()) take(view);
  };

  /** What is to be shown once the page's markup is all there, or `null`. */
  let due: (() => void) | null = null;
  listen(document, "DOMContentLoaded", () => due?.());

  const show: Banner["show"] = (view, opener = null) => {
    // What seems to be missing may only not have been read yet.
    due = isParsed() ? null : () => show(view, opener);
    if (due) return;
    const use = (banner: Banner) => banner.show(view, opener);
    if (over) return ours(use);
    const lack = lackOf(host, view, false);
    if (lack) return handOver(lack, use);
    if (view === "banner") take("preferences");
    shown.set(view, opener);
    for (const note of query(document, SIGNAL)) toggle(note, "hidden", !hasForce(host));
    switches.sync(true);
    reveal(view, true);
    // Two frames on, the page's own styles and scripts have had their say.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const found = shown.has(view) && lackOf(host, view, true);
        if (found) handOver(found, use);
      }),
    );
  };

  const update: Banner["update"] = (now) => {
    if (over) return ours((banner) => banner.update(now));
    if (/^(link|none)$/.test(now.prompt)) {
      due = null;
      if (shown.has("banner")) take("banner");
    }
    switches.sync(false);
    if (now.prompt !== "none" && isParsed() && !hasWayBack()) {
      handOver(NO_WAY_BACK, (banner) => banner.update(now));
    }
  };

  openControls(host, words, switches.act, hide, () => over);
  return {
    show,
    update,
    embed: (place) => ours((banner) => banner.embed(place)),
    hide: () => {
      due = null;
      return over ? ours((banner) => banner.hide()) : hide();
    },
  };
};

const isParsed = (): boolean => read("readyState") !== "loading";
