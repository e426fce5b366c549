/** Why this regime: the service's own account of it, for this visitor and where they are. */

import type { Host } from "../host";
import { parsed } from "../shape";
import type { Row } from "./rows";

/** `GET …/trace` answers with what `holdfire explain --json` says: PROTOCOL.md §8. */
export const trace = async (host: Host): Promise<Row[]> => {
  const { boot, base, declared, fetch } = host;
  const { gpc, dnt } = host.signals();
  const query = [gpc && "gpc=1", dnt && "dnt=1", declared].filter(Boolean).join("&");
  const answer = await fetch.call(window, `${base}/v1/sites/${boot.site}/trace?${query}`, {
    credentials: "include",
    cache: "no-store",
  });
  const body = parsed(await answer.text());
  if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
  let before: unknown;
  return (body.trace as Record<string, unknown>[]).map(({ step, rule, law, ...found }) => {
    // One law says most of it: it is named where it begins.
    const cited = law === before ? [] : [law, `${found.source}, ${found.as_of}`];
    before = law;
    return {
      name: String(step),
      more: [rule, ...(law ? cited : []), step === "location" && `confidence ${found.confidence}`]
        .filter(Boolean)
        .map(String),
    };
  });
};
