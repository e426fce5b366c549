/**
 * The panel: asks the page's Holdfire, the service and the third party's counts, and shows them.
 *
 * What it says can be read by programs too, in attributes:
 *
 *     [data-fact="regime"]                  likewise location, signals, prompt, sale, opt-out-status
 *     [data-tag="posthog"] [data-state]     held, cleared, fired or stopped; see tags.js
 *     [data-tag="posthog"] [data-reason]    the reason of the page's decision; "" before there is one
 *     [data-tag="posthog"] [data-requests]  how many requests the third party has counted so far
 *     #trace [data-step]                    the steps from the place to the decisions
 *     html[data-panel="ready"]              all of it has been filled in once
 */
import { drawTags, hear, openTags } from "./tags.js";
import { authority, facts, summary } from "./words.js";

const POLL_MS = 1000;
const RECORD_MS = 2000; // a withdrawal is recorded by then, or it is not going to be
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const byId = (id) => document.getElementById(id);
const third = document.querySelector("meta[name=third-party]").content;
const geo = new URLSearchParams(location.search).get("geo");

let told = null;
let cookiesThen = "";

const decide = () => {
  const holdfire = window.holdfire;
  return typeof holdfire?.decision === "function" ? (id) => holdfire.decision(id) : null;
};

const draw = () => {
  const { fired, all } = drawTags(decide());
  const sentence = told ? summary(told, fired, all) : "Starting…";
  // A status is read out when it changes, so it is left alone while it says the same.
  if (byId("sum").textContent !== sentence) byId("sum").textContent = sentence;
};

/** What the service says of this visitor. The page repeats its signals, as Holdfire does. */
const ask = async () => {
  const query = new URLSearchParams(geo ? { geo } : {});
  if (navigator.globalPrivacyControl === true) query.set("gpc", "1");
  if (navigator.doNotTrack === "1") query.set("dnt", "1");
  const answer = await fetch(`/demo/trace?${query}`);
  if (!answer.ok) return;
  told = await answer.json();
  for (const [name, text] of Object.entries(facts(told))) {
    document.querySelector(`[data-fact="${name}"]`).textContent = text;
  }
  byId("trace").replaceChildren(...stepRows(told.explanation.trace));
  draw();
};

/** One row a step. What it rests on is said in full once, for most steps share it. */
const stepRows = (steps) => {
  const said = new Set();
  return steps.map((step) => {
    const row = document.createElement("li");
    row.dataset.step = step.step;
    const line = (tag, text) => {
      if (text) row.appendChild(document.createElement(tag)).textContent = text;
    };
    line("b", `${step.step}: ${step.rule}`);
    const grounds = [step.law, authority(step)];
    if (said.has(grounds.join())) line("small", "on the same grounds");
    else for (const ground of grounds) line("small", ground);
    if (step.law) said.add(grounds.join());
    return row;
  });
};

const count = async () => {
  const answer = await fetch("/demo/hits");
  if (answer.ok) hear(await answer.json());
  draw();
};

/** Where the server cannot be reached the panel keeps what it knew, and asks again. */
const attempt = (asking) => asking().catch(() => {});

const poll = async () => {
  if (!document.hidden) {
    await attempt(count);
    // The visitor's cookie comes with the answer to a choice: only then does the service know.
    if (document.cookie !== cookiesThen) {
      cookiesThen = document.cookie;
      await attempt(ask);
    }
  }
  setTimeout(poll, POLL_MS);
};

/**
 * Forgets this visitor: what is kept here, and the counts over there. A withdrawal comes first:
 * what already runs then falls silent, and nothing of it arrives after the counts began anew.
 */
const startOver = async () => {
  window.holdfire.withdraw?.();
  const unsent = () => Object.keys(localStorage).some((key) => key.includes(":out:"));
  for (let waited = 0; unsent() && waited < RECORD_MS; waited += 50) await pause(50);
  localStorage.clear();
  sessionStorage.clear();
  for (const cookie of document.cookie.split("; ")) {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser.
    document.cookie = `${cookie.split("=")[0]}=; path=/; max-age=0`;
  }
  await fetch("/demo/reset", { method: "POST" });
  location.reload();
};

const openPlaces = () => {
  const select = byId("place");
  const here = (geo ?? "").toUpperCase();
  if (![...select.options].some((option) => option.value === here)) {
    select.add(new Option(here, here));
  }
  select.value = here;
  select.addEventListener("change", () => {
    location.search = select.value ? `?geo=${select.value}` : "";
  });
};

const openToggle = () => {
  const toggle = byId("toggle");
  toggle.addEventListener("click", () => {
    const open = toggle.closest(".panel").toggleAttribute("data-open");
    toggle.setAttribute("aria-expanded", String(open));
  });
};

openTags(byId("tags"), byId("tag-row"), third, draw);
openPlaces();
openToggle();
byId("reset").addEventListener("click", () => attempt(startOver));

window.holdfire ??= [];
window.holdfire.push((holdfire) => {
  holdfire.on("change", draw);
  draw();
});

cookiesThen = document.cookie;
await Promise.all([attempt(ask), attempt(count)]);
document.documentElement.dataset.panel = "ready";
poll();
