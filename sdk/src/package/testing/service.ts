/**
 * A service in memory: it answers as PROTOCOL.md §2 to §5 says, for one site and one visitor.
 * Hand its `fetch` to the code under test, or to whatever stands in for the network.
 */

import type { Choice, Decision, Recorded, Table } from "../../types";
import type { Notice } from "../notice";
import { type FakeHoldfire, fakeHoldfire } from "./fake";

export interface Serving {
  site?: string;
  /** Every category but `necessary`, which is always there. */
  categories?: readonly string[];
  /** The category of each service. */
  services?: Table<string>;
  /** `opt_out` allows until somebody says no. */
  model?: "opt_in" | "opt_out";
}

export interface FakeService {
  /** Answers a request. Rejects, as a network does, while `down` is `true`. */
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
  /** The Holdfire of the visitor: what is posted here holds there, and what is done there is here. */
  readonly holdfire: FakeHoldfire;
  /** Every act that was recorded, in order; each once, however often it was sent. */
  readonly choices: readonly Choice[];
  /** Method and path of every request, in order. */
  readonly requests: readonly string[];
  /** A status to fail with, "down" for a network that fails, or `null`. */
  fault: number | "down" | null;
}

const VERSION = "0".repeat(16);
const VISITOR = "AAAAAAAAAAAAAAAAAAAAAA";
/** Where the boot script of the fake finds the fake. */
const FAKE = "holdfire.fake";
const SCRIPT = `var fake=globalThis[Symbol.for("${FAKE}")],before=window.holdfire;
window.holdfire=fake;if(Array.isArray(before))fake.push(...before)`;

const json = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });

const refusal = (status: number, code: string, message: string): Response =>
  json({ error: { code, message, request_id: "fake" } }, status);

/** A service that a test talks to. */
export const fakeService = (serving: Serving = {}): FakeService => {
  const { site = "demo", services = {}, model = "opt_in" } = serving;
  const { categories = ["functional", "analytics", "marketing"] } = serving;
  const first: Decision =
    model === "opt_in"
      ? { allow: false, reason: "default_denied" }
      : { allow: true, reason: "default_granted" };
  const holdfire = fakeHoldfire({
    services,
    decisions: Object.fromEntries(categories.map((id) => [id, first])),
    prompt: model === "opt_in" ? "banner" : "link",
  });
  const requests: string[] = [];
  const recorded: Choice[] = [];
  holdfire.on("choice", ({ choice }) => recorded.push(choice));
  const known = ["necessary", ...categories];
  const stand: Stand = { site, services, model, known, holdfire, recorded };

  const service: FakeService = {
    holdfire,
    choices: recorded,
    requests,
    fault: null,
    fetch: async (input, init) => {
      const asked = input instanceof Request ? input : new Request(input, init);
      const { pathname, searchParams } = new URL(asked.url);
      requests.push(`${asked.method} ${pathname}`);
      if (service.fault === "down") throw new TypeError("Failed to fetch");
      if (service.fault)
        return refusal(service.fault, "internal", "This service fails on purpose.");
      if (pathname.endsWith(`/s/${site}.js`) || pathname.includes(`/s/${site}/`)) {
        return bootScript(stand);
      }
      const [, verb] = new RegExp(`/v1/sites/${site}/(\\w+)$`).exec(pathname) ?? [];
      const answer = VERBS[`${asked.method} ${verb}`];
      if (!answer) return refusal(404, "not_found", "There is nothing at this address.");
      return answer(stand, searchParams, await asked.text());
    },
  };
  return service;
};

interface Stand {
  site: string;
  services: Table<string>;
  model: "opt_in" | "opt_out";
  known: readonly string[];
  holdfire: FakeHoldfire;
  recorded: Choice[];
}

const bootScript = ({ holdfire }: Stand): Response => {
  (globalThis as Record<symbol, unknown>)[Symbol.for(FAKE)] = holdfire;
  return new Response(`!function(){${SCRIPT}}();\n`, {
    headers: { "content-type": "text/javascript; charset=utf-8" },
  });
};

const noticeOf = ({ site, model, known, holdfire, recorded }: Stand): Notice => ({
  site,
  version: VERSION,
  regime: { id: model, model },
  location: { country: null, region: null, source: "unknown", confidence: "low" },
  language: "en",
  direction: "ltr",
  signals: { gpc: false, dnt: null },
  prompt: recorded.length > 0 || model === "opt_out" ? "link" : "banner",
  categories: known.map((id) => ({
    id,
    locked: id === "necessary",
    ...holdfire.decision(id),
  })),
  sale_or_share: {
    allow: model === "opt_out",
    reason: `default_${model === "opt_in" ? "denied" : "granted"}`,
  },
  links: ["manage"],
  opt_out_status: "none",
});

type Answer = (stand: Stand, query: URLSearchParams, body: string) => Response;

const decided = ({ site, model, recorded }: Stand) => ({
  site,
  regime: model,
  decided_at: "2026-01-01T00:00:00Z",
  valid_until: "2026-06-30T00:00:00Z",
  source: recorded.length > 0 ? "store" : "default",
});

const tableOf = (ids: readonly string[], { holdfire }: Stand): Table<Decision> =>
  Object.fromEntries(ids.map((id) => [id, holdfire.decision(id)]));

const getDecision: Answer = (stand, query) => {
  const service = query.get("service");
  const category = query.get("category");
  if ((service === null) === (category === null)) {
    return refusal(400, "bad_query", "Name one category or one service.");
  }
  const { allow, reason } = stand.holdfire.decision(service ?? category ?? "");
  const of = service === null ? { category } : { service, category: stand.services[service] ?? "" };
  return json({ ...decided(stand), ...of, allow, reason });
};

const postChoice: Answer = (stand, _query, body) => {
  const { recorded, holdfire } = stand;
  let choice: Choice;
  try {
    choice = JSON.parse(body);
  } catch {
    return refusal(400, "bad_json", "Send one well-formed JSON document.");
  }
  if (typeof choice.event_id !== "string" || typeof choice.categories !== "object") {
    return refusal(400, "bad_member", "event_id, categories: missing or of another type.");
  }
  const before = recorded.findIndex(({ event_id }) => event_id === choice.event_id);
  const same = before < 0 || JSON.stringify(recorded[before]) === JSON.stringify(choice);
  if (!same) return refusal(409, "event_conflict", "This event_id was another act.");
  if (before < 0) {
    recorded.push(choice);
    holdfire.decide({ ...choice.categories, ...choice.services }, "service");
  }
  return json(recordOf(stand, choice), before < 0 ? 201 : 200);
};

const recordOf = (stand: Stand, choice: Choice): Recorded => {
  const index = stand.recorded.indexOf(choice);
  const at =
    index < 0 ? stand.recorded.findIndex((one) => one.event_id === choice.event_id) : index;
  const { decided_at, valid_until } = decided(stand);
  return {
    visitor: VISITOR,
    seq: at + 1,
    event_id: choice.event_id,
    log_index: at,
    recorded_at: decided_at,
    valid_until,
    decisions: tableOf(stand.known, stand),
    token: "ZmFrZQ.ZmFrZQ",
  };
};

const VERBS: Record<string, Answer> = {
  "GET notice": (stand) => json(noticeOf(stand)),
  "GET decision": getDecision,
  "GET decisions": (stand) =>
    json({
      ...decided(stand),
      categories: tableOf(stand.known, stand),
      services: tableOf(Object.keys(stand.services), stand),
      sale_or_share: noticeOf(stand).sale_or_share,
    }),
  "GET choices": ({ recorded }) =>
    json({
      visitor: recorded.length > 0 ? VISITOR : null,
      choices: recorded.map((choice, index) => ({ ...choice, seq: index + 1 })).reverse(),
    }),
  "POST choices": postChoice,
};
