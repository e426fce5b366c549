import { query } from "../dom";
import { keyOf, LANGUAGE } from "../storage";
import type { HeldModule, Words } from "../types";
import { alwaysAct, offerFor } from "./offer";
import { layOut, openPlace, type Place } from "./place";

const HOLES = ":is(iframe,video,audio,embed,object):is([data-category],[data-service])";

/** Fills the place of each thing that is held and would be seen, for as long as it is held. */
export const mount: HeldModule["mount"] = (host, first) => {
  const { boot, local, permits } = host;
  const places = new Map<HTMLElement, Place>();
  /** Not on the screen, or too small for a control. Looked at anew when their box changes. */
  const unseen = new WeakSet<Element>();
  let words: Words | undefined;

  const fill = (anew: boolean, said: Words) => {
    for (const [held, place] of places) {
      if (held.isConnected && !permits(held)) continue;
      places.delete(held);
      place.leave();
    }
    const fresh = new Map<HTMLElement, Place>();
    for (const held of query(document, HOLES) as Iterable<HTMLElement>) {
      if (places.has(held) || unseen.has(held) || permits(held)) continue;
      const place = openPlace(held, boot.look);
      places.set(held, place);
      fresh.set(held, place);
      // Its class, or whatever else may change its box.
      changes.observe(held, { attributes: true });
    }
    const fitted = anew ? places : fresh;
    layOut([...fitted.values()]);
    for (const [held, place] of fitted) {
      if (place.seen()) continue;
      places.delete(held);
      place.leave();
      unseen.add(held);
      sizes.observe(held);
    }
    for (const [held, place] of places) draw(held, place, said);
  };

  const look = (anew: boolean) => {
    try {
      if (words) fill(anew, words);
    } catch (cause) {
      host.fail(cause);
    }
    // Those of our own making; what else there was has just been looked at. Nor has what could not
    // be drawn to be tried again for having been tried, which would go on for ever.
    changes.takeRecords();
  };

  const draw = (held: HTMLElement, place: Place, said: Words) => {
    const offer = offerFor(host, said, held);
    place.draw(offer, said, (control) => {
      if (control === "always_allow") return host.choose(alwaysAct(host, said, held));
      host.once(held);
      look(false);
    });
  };

  const changes = new MutationObserver((records) => {
    look(records.some(({ type }) => type === "attributes"));
  });
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) unseen.delete(target);
    look(false);
  });

  /** The language may have been picked by now, or another one since. */
  const speak = async () => {
    const language = local.get(keyOf(boot.site) + LANGUAGE) ?? first.language;
    if (words?.language === language) return;
    const [said, more] = await Promise.all([host.words(language), host.words(language, "more")]);
    words = { ...said, texts: { ...said.texts, ...more.texts } };
    look(false);
  };

  const update = () => {
    look(false);
    speak().catch(host.fail);
  };
  changes.observe(document, { childList: true, subtree: true });
  window.addEventListener("resize", () => look(true));
  update();
  return { update };
};
