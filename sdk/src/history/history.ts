import type { Scene } from "../banner/scene";
import { type Say, speaker } from "../banner/texts";
import type { Courier } from "../courier/host";
import { listed } from "../preferences/listed";
import { keyOf, REFUSED } from "../storage";
import type { Words } from "../types";
import { type Entry, type Past, readPast } from "./entries";
import { download, type Ending } from "./receipt";

/** What is recorded of this visitor, newest first, each with its receipt. */
export function history(scene: Scene, more: Words): HTMLElement {
  const { element, host } = scene;
  const say = speaker(() => more);
  const title = element("h3", { tabindex: "-1" }, say("history.title"));
  const status = element("p", { role: "status" });
  const list = element("ul");
  const waiting = isWaiting(scene);
  const draw = (past: Past) => {
    const found = past.entries[0] ? "text" : "empty";
    status.textContent = say(`history.${waiting ? "waiting" : found}`);
    list.append(
      ...past.entries.map((one, index) => entry(scene, say, past, one, !(index || waiting))),
    );
  };
  ask(scene, (courier) => courier.history())
    .then((body) => draw(readPast(body)))
    .catch((cause) => {
      status.textContent = say("history.failed");
      host.fail(cause);
    });
  // Once it has been put in its place.
  queueMicrotask(() => title.focus());
  return element("section", {}, title, status, list);
}

/** What the service answers. Rejects where the courier cannot be had, or comes back empty. */
async function ask({ host }: Scene, what: (courier: Courier) => Promise<string>): Promise<string> {
  await host.chunk("courier");
  return new Promise((heard, failed) => {
    host.courier((courier) => {
      what(courier).then(heard, failed);
    });
  });
}

/** Whether what applies now is still on its way to the record. */
function isWaiting({ boot: { site }, host: { local, memory, now } }: Scene): boolean {
  return memory.recall(now())?.pending || local.get(keyOf(site) + REFUSED) !== null;
}

/** One act, with the receipt for it, and the same to be read. */
function entry(
  scene: Scene,
  say: Say,
  { visitor }: Past,
  one: Entry,
  newest: boolean,
): HTMLElement {
  const { boot, button, element, host } = scene;
  const lines = told(scene, say, one, newest && Date.parse(one.valid_until) / 1000 > host.now());
  const [title = "", ...others] = lines;
  const made = element(
    "li",
    {},
    element("h4", {}, title),
    ...others.map((line) => element("p", {}, line)),
  );
  const failed = element("p", { role: "alert" });
  const name = `holdfire-${boot.site}-${one.seq}`;
  /** What the page itself knows of the act, which proves nothing. */
  const inWords = () =>
    [
      say("receipt.title"),
      "",
      say("receipt.site", { site: `${boot.site} (${location.host})` }),
      say("receipt.visitor", { visitor }),
      "",
      ...lines,
      "",
      JSON.stringify(one.whole, null, 2),
      "",
    ].join("\n");
  const taker = (control: string, label: string, ending: Ending, form: "" | "/page") =>
    button(
      { class: "button quiet", "data-control": control, "aria-label": `${label}: ${others[0]}` },
      () => {
        failed.remove();
        ask(scene, ({ receipt }) => receipt({ event_id: one.event_id, pending: false }, form))
          .then((body) => download(name, ending, body))
          .catch((cause) => {
            host.fail(cause);
            if (newest && !form) return download(name, "txt", inWords());
            failed.textContent = say("history.failed");
            made.append(failed);
          });
      },
      label,
    );
  made.append(
    taker("receipt", scene.say("button.receipt"), "tlog-proof", ""),
    taker("receipt_page", say("receipt.title"), "html", "/page"),
  );
  return made;
}

/** An act in words, each line by itself. */
function told(scene: Scene, say: Say, one: Entry, now: boolean): string[] {
  const { words } = scene;
  const date = (text: string, style: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(words.language, style).format(new Date(text));
  const pick = (allow: boolean) => [
    ...Object.entries(one.categories)
      .filter(([, allowed]) => allowed === allow)
      .map(([id]) => scene.say(`category.${id}.title`) || id),
    ...words.services.filter(({ id }) => one.services[id] === allow).map(({ name }) => name),
  ];
  const list = (key: string, titles: string[]) =>
    titles[0] ? [say(key, { categories: listed(words, titles) })] : [];
  const { seq, notice_version: version } = one;
  return [
    say(`action.${one.control === "gpc" ? "gpc" : one.action}`),
    date(one.recorded_at, { dateStyle: "long", timeStyle: "long" }),
    ...(now ? [say("history.now")] : []),
    say("history.until", { date: date(one.valid_until, { dateStyle: "long" }) }),
    ...list("history.allowed", pick(true)),
    ...list("history.refused", pick(false)),
    say("history.record", { number: String(seq), version }),
  ];
}
