/** The rows of the panel: what each tag was told, what it did here, and what arrived over there. */
import { arrivals, REASONS, STATES } from "./words.js";

const TAGS = [
  { id: "posthog", name: "PostHog", category: "analytics", address: "/tags/posthog.js" },
  { id: "plausible", name: "Plausible", category: "analytics", address: "/tags/plausible.js" },
  { id: "mixpanel", name: "Mixpanel", category: "marketing", address: "/tags/mixpanel.js" },
  { id: "ad-pixel", name: "Ad pixel", category: "marketing", address: "/pixel.gif" },
  { id: "ad-frame", name: "Ad frame", category: "marketing", address: "/frame.html" },
  { id: "video", name: "Trail film", category: "functional", address: "/video.html" },
  { id: "chat", name: "Ask a guide", category: "functional", address: "/chat.js" },
];

/** Tags whose first request has left this page; the browser itself tells. */
const seen = new Set();
const rows = new Map();
let hits = {};

/** Puts the rows on the page, and calls `changed` whenever a tag is seen to load. */
export function openTags(list, template, third, changed) {
  for (const { id, name, category } of TAGS) {
    const row = template.content.firstElementChild.cloneNode(true);
    row.dataset.tag = id;
    row.querySelector(".tag-name").textContent = name;
    row.querySelector(".tag-category").textContent = category;
    list.append(row);
    rows.set(id, row);
  }
  new PerformanceObserver((entries) => {
    for (const { name } of entries.getEntries()) {
      const tag = TAGS.find(({ address }) => name === third + address);
      if (tag) seen.add(tag.id);
    }
    changed();
  }).observe({ type: "resource", buffered: true });
}

/** Remembers what the third party counted; `heard` is what `GET /demo/hits` says. */
export function hear(heard) {
  hits = heard;
}

/** Brings every row up to date. `decide` is null until Holdfire is there. */
export function drawTags(decide) {
  for (const [id, row] of rows) {
    const decision = decide ? decide(id) : { allow: false, reason: "" };
    const state = stateOf(decision.allow, seen.has(id));
    const pill = row.querySelector(".tag-state");
    pill.dataset.state = state;
    pill.textContent = STATES[state];
    const reason = row.querySelector(".tag-reason");
    reason.dataset.reason = decision.reason;
    reason.textContent = REASONS[decision.reason] ?? "Not known yet, so no.";
    const counts = hits[id] ?? {};
    const counted = row.querySelector(".tag-hits");
    counted.dataset.requests = Object.values(counts).reduce((sum, n) => sum + n, 0);
    counted.textContent = arrivals(counts);
  }
  return { fired: seen.size, all: TAGS.length };
}

/** "cleared" is allowed and on its way; "stopped" ran on this page before it was refused. */
function stateOf(allowed, loaded) {
  if (allowed) return loaded ? "fired" : "cleared";
  return loaded ? "stopped" : "held";
}
