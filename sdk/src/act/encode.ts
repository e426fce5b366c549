/** A standing choice as the page keeps it: the text that `standing.ts` reads. */

import { bare, keys, stringify, table } from "../natives";
import type { Standing } from "../standing";
import type { Table } from "../types";

/** The text to keep. The list is joined, since old libraries break `JSON.stringify` for arrays. */
export const encode = (standing: Standing): string =>
  stringify(
    bare({
      v: standing.visitor,
      q: standing.seq,
      e: standing.event_id,
      p: +standing.pending,
      a: standing.action,
      c: digits(standing.categories),
      s: digits(standing.services),
      h: standing.shown_services.join(),
      n: standing.notice_version,
      t: standing.recorded_at,
      u: standing.valid_until,
      k: +standing.gpc_noticed | (+standing.dnt_noticed << 1),
      g: +standing.by_signal,
      d: standing.left_on.join(),
      y: standing.age ?? undefined,
    }),
  );

const digits = (given: Table<boolean>): Table<number> => {
  const found = table<number>();
  for (const key of keys(given)) found[key] = given[key] ? 1 : 0;
  return found;
};
