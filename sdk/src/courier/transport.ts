/** The only code that speaks to a network, and only to the service the boot script came from. */

import type { Host } from "../host";
import { apply, bare, stringify } from "../natives";
import type { Choice, Signals } from "../types";

const PATIENCE = 15_000; // ms; a request that hangs longer would keep other tabs' sending waiting

/** What came back. `status` is 0 when nothing did. */
export interface Answer {
  status: number;
  body: string;
  /** What the service asks us to wait before trying again, in ms. */
  wait: number;
}

/** What says who asks, where a cookie cannot. */
export interface Pass {
  token(): string;
  dropToken(): void;
}

export interface Transport {
  choose(choice: Choice, signals: Signals): Promise<Answer>;
  ask(path: string): Promise<Answer>;
}

/**
 * On the page's own host the service knows the visitor by its cookie. On another host browsers may
 * keep that cookie back, so there the token goes along.
 */
export const openTransport = (
  { boot: { site }, base, declared, age, fetch }: Host,
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
    const years = age();
    const others = declared.split("&").filter((pair) => !pair.startsWith("age="));
    const query = [...hints, ...others, years !== null && `age=${years}`].filter(Boolean).join("&");
    try {
      if (!base) throw 0;
      const response: Response = await apply(fetch, window, [
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
    ask: (path) => request(path, []),
  };
};

type Hint = string | false | null;
