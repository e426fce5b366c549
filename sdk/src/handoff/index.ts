/**
 * Takes a choice along to a sister site, in the fragment of the link that leads there, and takes one
 * over that came so. See docs/hand-off.md.
 *
 *     POST {base}/v1/sites/{this site}/handoffs    {site}          at the click on the link
 *     https://sister.example/page#holdfire=TOKEN                   never sent to a server or a log
 *     POST {base}/v1/sites/{that site}/takeovers   {token, from}   once, when the page opens there
 *
 * The token is no permission: the service knows what it stands for, whether it is still so, and what
 * of it holds there. Whatever goes wrong, the visitor is asked there as anybody is.
 */

import { listen, read } from "../dom";
import type { Host } from "../host";
import { apply, bare, stringify } from "../natives";
import { attempt } from "../shape";
import { keyOf, payloadOf, REFUSED } from "../storage";
import type { Part, Table } from "../types";

interface Options {
  /** The id of the sister, by each exact origin of its pages. */
  readonly sisters: Table<string>;
}

/** How long a visitor waits for it who wants to leave. */
const PATIENCE = 1_000; // ms

export const open = (host: Host, { sisters }: Options): Part => {
  const { boot, local, memory, now } = host;
  const key = keyOf(boot.site);
  let stopped = false;
  /** The link that is being followed, by our own click. */
  let followed: EventTarget | null = null;

  /** The service's answer. `visitor` is who must be asking, where this browser knows of one. */
  const post = async (path: string, body: Table<string>, visitor = "") => {
    if (!host.base) return "";
    const { gpc, dnt } = host.signals();
    const token = tokenOf(host, visitor);
    const query = [host.declared, gpc && "gpc=1", dnt && "dnt=1"].filter(Boolean).join("&");
    const response: Response = await apply(host.fetch, window, [
      `${host.base}/v1/sites/${boot.site}/${path}${query && "?"}${query}`,
      bare({
        method: "POST",
        headers: bare({
          "content-type": "application/json",
          // Without it the cookie says who asks.
          ...(token && { authorization: `Bearer ${token}` }),
        }),
        body: stringify(bare(body)),
        credentials: "include",
      }),
    ]);
    return response.status === 201 ? response.text() : "";
  };

  const leave = (event: MouseEvent) => {
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
    const site = link && sisters[link.origin];
    if (!site || link === followed || stopped || event.defaultPrevented) return;
    // What opens elsewhere is not ours to delay.
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    // A window that is opened late is held for an advertisement, and not opened at all.
    if ((link.target || "_self") !== "_self") return;
    const act = memory.recall(now());
    if (!act || act.pending) return;
    // One act is handed to one site once: it has its own choice from then on.
    const handed = `${key}:to:${site}`;
    const which = act.visitor + act.seq;
    if (local.get(handed) === which) return;
    // The page's own listeners hear of the click that is to come.
    event.stopImmediatePropagation();
    event.preventDefault();
    let gone = false;
    const go = (token = "") => {
      if (gone) return;
      gone = true;
      followed = link;
      const written = link.getAttribute("href") as string;
      if (token) link.href += `${link.hash ? "&" : "#"}holdfire=${token}`;
      link.click();
      // Who copies the address afterwards copies no token.
      link.setAttribute("href", written);
      followed = null;
    };
    setTimeout(go, PATIENCE);
    post("handoffs", { site }, act.visitor).then(
      (answer) => {
        const token = member(answer, "token");
        if (token) local.set(handed, which);
        go(token);
      },
      () => go(),
    );
  };

  const arrive = async () => {
    const [mark, token] = /[#&]holdfire=([\w.-]+)$/.exec(location.hash) ?? [];
    if (!mark || !token) return;
    history.replaceState(history.state, "", location.href.slice(0, -mark.length));
    const own = memory.own(now());
    // Somebody else's page, or a frame of it, could have put the token there.
    const from = new URL(read("referrer")).origin;
    // What was chosen here must be known to whoever may change it.
    if (window.top !== window || (own && (own.pending || !tokenOf(host, own.visitor)))) return;
    const answer = await post("takeovers", { token, from }, own?.visitor);
    const mine = member(answer, "token");
    const payload = payloadOf(mine);
    if (!payload.startsWith(begins(own?.visitor))) return;
    // The visitor was faster.
    if (local.get(key + REFUSED) || memory.own(now())?.event_id !== own?.event_id) return;
    local.set(`${key}:token`, mine);
    local.set(key, `${payload.slice(0, -1)},"e":"${member(answer, "event_id")}"}`);
    host.settle("service");
  };

  // A page that does not say where its visitor came from, a network that fails: nothing is carried.
  arrive().catch(() => {});
  listen(document, "click", (event) => attempt(() => leave(event as MouseEvent)));
  return {
    settle: () => {},
    stop: () => {
      stopped = true;
    },
  };
};

/** The token that this browser keeps, if it is this visitor's. */
const tokenOf = ({ boot, local }: Host, visitor: string): string => {
  const token = local.get(`${keyOf(boot.site)}:token`) ?? "";
  return visitor && payloadOf(token).startsWith(begins(visitor)) ? token : "";
};

/** How the payload of a token begins that is this visitor's, or anybody's. */
const begins = (visitor = "") => `{"v":"${visitor}`;

/** A text in an answer of the service, which gives texts of these names one way only. */
const member = (answer: string, name: string): string =>
  RegExp(`"${name}":"([\\w.-]+)"`).exec(answer)?.[1] ?? "";
