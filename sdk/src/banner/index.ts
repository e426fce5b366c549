import type { Banner, BannerHost, Snapshot, View } from "../types";
import { firstLayer } from "./firstLayer";
import { focused } from "./focus";
import { preferences } from "./preferences";
import type { Scene } from "./scene";
import { screen } from "./screen";
import { speaker } from "./texts";
import { wayBack } from "./wayBack";

/** Puts the interface into the page. Until `show` is called there is nothing but the way back. */
export function mount(host: BannerHost): Banner {
  const { boot } = host;
  const say = speaker(boot.texts);
  const settings = (opener: HTMLElement) => show("preferences", opener);
  const corner = wayBack(boot, say, settings);
  const refresh = () => corner.update(host.snapshot(), shown.shows());
  const shown = screen(boot, refresh);
  let asked = host.snapshot().prompt;

  const scene: Scene = {
    boot,
    say,
    snapshot: () => host.snapshot(),
    choose(act) {
      hide();
      corner.announce(say(`saved.${act.action}`));
      host.choose(act);
    },
  };

  const show = (view: View, opener: Element | null = null) => {
    if (view === "banner") shown.take("preferences");
    if (shown.shows(view)) return;
    asked = host.snapshot().prompt;
    if (view === "preferences") shown.put(view, preferences(scene, left), opener ?? focused());
    // The first layer takes no focus, so there is none to give back unless somebody opened it.
    else shown.put(view, firstLayer(scene, settings), opener);
  };

  const left = () => {
    shown.take("preferences");
    if (!shown.shows()) host.closed();
  };

  const hide = () => {
    // The upper one first, so that the focus goes back the way it came.
    shown.take("preferences");
    shown.take("banner");
  };

  const update = (snapshot: Snapshot) => {
    const answered = snapshot.prompt !== asked && /^(link|none)$/.test(snapshot.prompt);
    // The question was answered in another tab, or by the page's own code.
    if (answered) shown.take("banner");
    shown.update();
    refresh();
  };

  refresh();
  return { show, update, hide };
}
