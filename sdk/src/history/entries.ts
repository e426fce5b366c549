import { flags, like, parsed } from "../shape";
import type { Action, Table } from "../types";

/** One recorded act, as far as the visitor is told of it. */
export interface Entry {
  readonly event_id: string;
  readonly seq: number;
  readonly recorded_at: string;
  readonly valid_until: string;
  readonly action: Action;
  readonly control: string;
  readonly notice_version: string;
  readonly categories: Table<boolean>;
  readonly services: Table<boolean>;
  /** All of it, as the service told it. */
  readonly whole: unknown;
}

export interface Past {
  /** The visitor's pseudonym, or "". */
  readonly visitor: string;
  readonly entries: readonly Entry[];
}

const SAMPLE = {
  event_id: "",
  seq: 0,
  recorded_at: "",
  valid_until: "",
  action: "" as Action,
  control: "",
  notice_version: "",
};

/**
 * Reads the answer to `GET …/choices`. Anybody may have written it: throws on what does not have
 * its shape.
 *
 *     {"visitor": "…", "choices": [{"seq": 1, "recorded_at": "2026-11-21T12:00:00Z", …}, …]}
 */
export function readPast(body: string): Past {
  const { visitor, choices } = parsed(body);
  const entries = [...(choices as Table<unknown>[])].map((whole) => ({
    ...like(whole, SAMPLE),
    categories: flags(whole.categories, false, true),
    services: flags(whole.services, false, true),
    whole,
  }));
  return { visitor: String(visitor ?? ""), entries };
}
