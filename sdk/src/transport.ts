/** The only code that speaks to a network, and only to the service the boot script came from. */

import { read } from "./dom";
import { apply, bare, stringify } from "./natives";
import type { Choice, Signals } from "./types";

const PATIENCE = 15_000; // ms; a request that hangs longer would keep other tabs' sending waiting

/** What came back. `status` is 0 when nothing did. */
export interface Answer {
  status: number;
  body: string;
  /** What the service asks us to wait before trying again, in ms. */
  wait: number;
}

/** The page may replace `fetch` later; what runs first is what is kept. */
const send = window.fetch;

/** What says who asks, where a cookie cannot. */
export interface Pass {
  token(): string;
  dropToken(): void;
}

export interface Transport {
  choose(choice: Choice, signals: Signals): Promise<Answer>;
  receipt(eventId: string): Promise<Answer>;
}

/**
 * `base` is the service's URL, "" when it is not known: then nothing is ever sent.
 *
 * On the page's own host the service knows the visitor by its cookie. On another host browsers may
 * keep that cookie back, so there the token goes along.
 */
export const openTransport = (
  site: string,
  base: string,
  declared: string,
  pass: Pass,
): Transport => {
  const elsewhere = !base.startsWith(`${location.origin}/`) && base !== location.origin;

  const request = async (path: string, hints: Hint[], body?: string): Promise<Answer> => {
    const token = elsewhere ? pass.token() : "";
    const answer = await ask(path, hints, token, body);
    if (answer.status !== 401 || !token) return answer;
    // Its key was retired: what we hold opens nothing any more, and a choice must not wait for it.
    pass.dropToken();
    return ask(path, hints, "", body);
  };

  const ask = async (
    path: string,
    hints: Hint[],
    token: string,
    body?: string,
  ): Promise<Answer> => {
    const query = [...hints, declared].filter(Boolean).join("&");
    try {
      if (!base) throw 0;
      const response: Response = await apply(send, window, [
        `${base}/v1/sites/${site}/${path}${query && "?"}${query}`,
        bare({
          method: body ? "POST" : "GET",
          headers: bare({
            ...(body && { "content-type": "application/json" }),
            ...(token && { authorization: `Bearer ${token}` }),
          }),
          body,
          credentials: "include",
          cache: "no-store",
          redirect: "error",
          keepalive: true, // a choice outlives the page on which it was made
          signal: AbortSignal.timeout?.(PATIENCE),
        }),
      ]);
      return {
        status: response.status,
        body: await response.text(),
        wait: Number(response.headers.get("retry-after")) * 1000 || 0,
      };
    } catch {
      return { status: 0, body: "", wait: 0 };
    }
  };
  return {
    // An extension may set the property of a signal and not its header.
    choose: (choice, { gpc, dnt }) =>
      request("choices", [gpc && "gpc=1", dnt && "dnt=1"], stringify(choice)),
    receipt: (eventId) => request(`receipts/${eventId}`, []),
  };
};

type Hint = string | false | null;

/** The running boot script, which only the browser can name. */
export const bootScript = (): HTMLScriptElement | null => {
  const script = read("currentScript");
  return script instanceof HTMLScriptElement ? script : null;
};

/**
 * What the owner's page says of its visitor in the boot script's own address, to be said again with
 * every request: age and residence of somebody it knows, and in the demo the place to stand in.
 */
export const declaredIn = (script: HTMLScriptElement | null): string =>
  [...(script?.src ?? "").matchAll(/[?&]((age|residence|geo)=[\w-]+)/g)]
    .map(([, pair]) => pair)
    .join("&");

export const ageIn = (declared: string): number | null => {
  const [, years] = /\bage=(\d{1,3})(&|$)/.exec(declared) ?? [];
  return years ? +years : null;
};

/** The service's URL: that of the boot script, less `/s/{site}.js` or `/s/{site}/{region}.js`. */
export const baseOf = (script: HTMLScriptElement | null, site: string): string => {
  const [address = ""] = (script?.src ?? "").split(/[?#]/);
  const end = address.lastIndexOf(`/s/${site}`);
  return /^https?:/.test(address) && end > 0 ? address.slice(0, end) : "";
};
