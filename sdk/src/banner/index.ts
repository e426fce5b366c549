import type { Host } from "../host";
import { keyOf, LANGUAGE } from "../storage";
import type { Banner, Snapshot, View, Words } from "../types";
import { firstLayer } from "./firstLayer";
import { focused } from "./focused";
import { hands } from "./hands";
import { isRobot } from "./robot";
import type {
  AgeModule,
  Corner,
  CornerModule,
  Layer,
  LayoutModule,
  PreferencesModule,
  Scene,
} from "./scene";
import { screen } from "./screen";
import { stage } from "./stage";
import { isWhole, speaker } from "./texts";
import { openVoice } from "./voice";

/** Whether the visitor wants nothing fetched that may turn out not to be needed. */
const thrifty = () =>
  (navigator as { connection?: { saveData?: boolean } }).connection?.saveData ||
  matchMedia("(prefers-reduced-data)").matches;

/** Puts the interface into the page. Until `show` is called there is nothing but the way back. */
export function mount(host: Host, words: Words): Banner {
  const { boot } = host;
  if (boot.look.hide_from_bots && isRobot(navigator)) {
    const rest = () => {};
    return { show: rest, embed: rest, update: rest, hide: rest };
  }
  const tongue = keyOf(boot.site) + LANGUAGE;
  const say = speaker(() => scene.words);
  const part = () => host.chunk<PreferencesModule>("preferences");
  const settings = (opener: Element | null) => show("preferences", opener);
  let announce: ReturnType<typeof openVoice> | undefined;
  const voice = () => (announce ??= openVoice(host));
  let corner: Corner | undefined;
  const shown = screen(host, refresh);
  const embedded: Layer[] = [];
  let asked = host.snapshot().prompt;
  /** Whether the style sheet of the site's layout is there. */
  let laid = false;
  /** Layers that are being fetched. */
  let coming = 0;

  const scene: Scene & { words: Words } = {
    ...hands,
    host,
    boot,
    words,
    say,
    snapshot: host.snapshot,
    choose(act) {
      hide();
      voice()(say(`saved.${act.action}`), scene.words.language);
      host.choose(act);
    },
    async speak(language) {
      scene.words = await host.words(language);
      host.local.set(tongue, language);
      refresh();
      shown.redraw();
      for (const layer of embedded) layer.update();
    },
    stage: (place, moved) => stage(host, place, moved),
    async whole() {
      if (!isWhole(scene.words)) scene.words = await host.words(scene.words.language);
    },
  };

  const put = async (view: View, opener: Element | null) => {
    host.later(() => {
      voice();
      // Fetched while the visitor reads: what they decide is not to be lost for want of it, and
      // leaves before they do.
      host.act(() => {});
      if (view === "banner" && !thrifty()) host.courier(() => {});
    });
    // A language that was picked once, or that the page is in, goes before the one that was guessed.
    const picked = host.local.get(tongue);
    if (picked && picked !== scene.words.language) {
      // The site may have given it up since.
      scene.words = await host.words(picked).catch(() => scene.words);
    }
    if (view === "preferences") {
      const [{ centre }] = await Promise.all([part(), scene.whole()]);
      return shown.put(
        view,
        () => centre(scene, () => shown.take("preferences")),
        opener ?? focused(),
      );
    }
    const { layout = "box" } = boot.look;
    if (layout !== "box" && !laid) shown.dress((await host.chunk<LayoutModule>("layout")).css);
    laid = true;
    if (boot.rules.ask_age && host.age() === null) {
      const [{ ageQuestion }, more] = await Promise.all([
        host.chunk<AgeModule>("age"),
        host.words(scene.words.language, "more"),
      ]);
      const go = () => {
        shown.take(view);
        // An age may have settled the matter.
        if (/^(banner|notice)$/.test(host.snapshot().prompt)) show(view);
      };
      return shown.put(view, () => ageQuestion(scene, more, go), opener);
    }
    // What a signal of the browser has to do with the question is told with it, not after it.
    const { gpc, dnt } = host.snapshot().signals;
    const notes =
      gpc || dnt ? (await Promise.all([part(), scene.whole()]))[0].signalNotes : () => [];
    // The first layer takes no focus, so there is none to give back unless somebody opened it.
    shown.put(view, () => firstLayer(scene, settings, part, notes), opener);
  };

  function show(view: View, opener: Element | null = null) {
    if (view === "banner") shown.take("preferences");
    if (shown.shows(view)) return;
    asked = host.snapshot().prompt;
    coming++;
    put(view, opener)
      // What is shown stays: a question must not go away because its details cannot be had.
      .catch(host.fail)
      .then(() => {
        coming--;
        refresh();
      });
  }

  function hide() {
    // The upper one first, so that the focus goes back the way it came.
    shown.take("preferences");
    shown.take("banner");
  }

  /** The way back comes once nothing else is shown; then it stays. */
  function refresh() {
    if (corner || coming || shown.shows()) return corner?.update(host.snapshot(), shown.shows());
    host.later(settle);
  }

  function settle() {
    Promise.all([host.chunk<CornerModule>("corner"), scene.whole()])
      .then(([{ wayBack }]) => {
        corner ??= wayBack(() => scene, settings);
        corner.update(host.snapshot(), shown.shows());
      })
      .catch(host.fail);
  }

  function update(snapshot: Snapshot) {
    const answered = snapshot.prompt !== asked && /^(link|none)$/.test(snapshot.prompt);
    // The question was answered in another tab, or by the page's own code.
    if (answered) shown.take("banner");
    shown.update();
    for (const layer of embedded) layer.update();
    refresh();
  }

  const embed = (place: Element) => {
    Promise.all([part(), scene.whole()])
      .then(([chunk]) => {
        const layer = chunk.embedded(scene);
        const { root, raise } = stage(host, place, () => {});
        root.append(layer.node);
        raise();
        layer.open();
        embedded.push(layer);
      })
      .catch(host.fail);
  };

  return { show, embed, update, hide };
}
