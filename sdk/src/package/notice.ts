/** What `GET {base}/v1/sites/{site}/notice` answers: PROTOCOL.md §3. Members as on the wire. */

import type { Decision, Model, OptOutStatus, Prompt, Reason, Signals } from "../types";

/** One category, with what holds for this visitor. */
export interface NoticeCategory {
  id: string;
  locked: boolean;
  allow: boolean;
  reason: Reason;
}

/** What one visitor is to be shown, and what holds until they choose. */
export interface Notice {
  site: string;
  /** 16 hex digits over what is material. */
  version: string;
  regime: { id: string; model: Model };
  location: {
    country: string | null;
    region: string | null;
    source: "override" | "header" | "database" | "unknown";
    confidence: "high" | "medium" | "low";
  };
  language: string;
  direction: "ltr" | "rtl";
  signals: Signals;
  prompt: Prompt;
  categories: readonly NoticeCategory[];
  sale_or_share: Decision;
  links: readonly string[];
  opt_out_status: OptOutStatus;
}
