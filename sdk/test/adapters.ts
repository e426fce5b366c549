/** Adapters as they ship, each on a page of its own, with a core that only answers. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Window } from "happy-dom";
import { onTestFinished } from "vitest";
import { bundle, enclosed } from "../bundle.mjs";
import type { Decision, Model, Part, Prior, Prompt, Snapshot } from "../src/types";
import { choice } from "./boot";

const VECTORS = join(import.meta.dirname, "../../tests/vectors");

export const vectors = (name: string) =>
  JSON.parse(readFileSync(join(VECTORS, `${name}.json`), "utf8"));

const chunks = new Map<string, string>();

/** The text of a function that gives what an adapter exports. */
export const chunkOf = async (name: string): Promise<string> => {
  const text = chunks.get(name) ?? enclosed(await bundle(`adapters/${name}.ts`, "esm"));
  chunks.set(name, text);
  return text;
};

export const DENIED: Decision = { allow: false, reason: "default_denied" };
export const GRANTED: Decision = { allow: true, reason: "choice_granted" };

/** A choice that stands, or ran out. */
const CHOSEN = { ...choice(), shown_services: [], left_on: [] } as unknown as Prior;

export const KINDS = {
  functional: ["functional"],
  analytics: ["analytics", "counter"],
  marketing: ["marketing"],
};

/** What is allowed, by the first letters of its kinds: "fam", "a", "". */
export type Allowed = string;

export interface How {
  /** Whether the sale of data is allowed. Like advertising, unless told. */
  sale?: boolean;
  /** Whether somebody has made a choice. */
  chosen?: boolean;
  prompt?: Prompt;
}

export interface Setup {
  options?: object;
  model?: Model;
  gpc?: boolean;
  /** Runs in the page before the adapter comes. */
  before?: string;
}

export const SERVICES = [
  { id: "counter", category: "analytics" },
  { id: "pixel", category: "marketing" },
];

/** A page that runs scripts. */
export const newWindow = (): Window => {
  const settings = {
    enableJavaScriptEvaluation: true,
    suppressInsecureJavaScriptEnvironmentWarning: true,
  };
  const window = new Window({ url: "https://shop.test/", settings });
  onTestFinished(() => window.happyDOM.close());
  return window;
};

export const stand = async (name: string, setup: Setup = {}) => {
  const { options = {}, model = "opt_in", gpc = false, before = "" } = setup;
  const window = newWindow();
  const run = (code: string) => window.eval(code); // the test's own script, run as a page runs one
  run(before);
  const allowed = new Set<string>();
  const errors: unknown[] = [];
  const rules = { model, categories: [{ id: "analytics" }, { id: "marketing" }] };
  const host = {
    boot: { rules, services: SERVICES },
    decision: (id: string) => (allowed.has(id) ? GRANTED : DENIED),
    signals: () => ({ gpc, dnt: null }),
    now: () => 1_795_262_400, // 2026-11-21T12:00:00Z
    fail: (cause: unknown) => errors.push(cause),
  };
  const { open } = run(`(${await chunkOf(name)})()`);
  const part: Part = open(host, { kinds: KINDS, ...options });
  return {
    ...{ window, run, part, errors, host },
    /** What the page has under a name, as plain values of this realm. */
    json: (code: string) => JSON.parse(run(`JSON.stringify(${code})`) ?? "null"),
    /** Something holds from now on. */
    settle: (letters: Allowed, how: How = {}) => {
      const {
        sale = letters.includes("m"),
        chosen = true,
        prompt = chosen ? "link" : "banner",
      } = how;
      allowed.clear();
      if (letters.includes("f")) allowed.add("functional");
      if (letters.includes("a")) allowed.add("analytics").add("counter");
      if (letters.includes("m")) allowed.add("marketing").add("pixel");
      if (letters.includes("c")) allowed.add("analytics"); // but not its service
      part.settle({
        prior: chosen ? CHOSEN : null,
        prompt,
        sale_or_share: sale ? GRANTED : DENIED,
      } as Snapshot);
    },
  };
};

export const EVERY: readonly Allowed[] = ["", "f", "a", "fa", "m", "fm", "am", "fam"];

/** A page's stub of a tag, as its maker publishes it, shortened to what it does to its name. */
export const SNIPPETS = {
  meta: `!function(f,n){if(f.fbq)return;n=f.fbq=function(){n.callMethod?
    n.callMethod.apply(n,arguments):n.queue.push([].slice.call(arguments))};
    if(!f._fbq)f._fbq=n;n.push=n;n.loaded=!0;n.version='2.0';n.queue=[];f.loads='fbevents'}(window);
    fbq('init','1');fbq('track','PageView');`,
  tiktok: `!function(w,t){var ttq=w[t]=w[t]||[];ttq.methods=["page","holdConsent","revokeConsent",
    "grantConsent"],ttq.setAndDefer=function(t,e){t[e]=function(){
    t.push([e].concat(Array.prototype.slice.call(arguments,0)))}};
    for(var i=0;i<ttq.methods.length;i++)ttq.setAndDefer(ttq,ttq.methods[i]);
    w.loads='events';ttq.page()}(window,'ttq');`,
  pinterest: `!function(e){if(!window.pintrk){window.pintrk=function(){
    window.pintrk.queue.push(Array.prototype.slice.call(arguments))};
    var n=window.pintrk;n.queue=[],n.version="3.0";window.loads='core'}}();
    pintrk('load','1');pintrk('page');`,
  reddit: `!function(w,d){if(!w.rdt){var p=w.rdt=function(){p.sendEvent?p.sendEvent.apply(p,arguments):
    p.callQueue.push([].slice.call(arguments))};p.callQueue=[];w.loads='pixel'}}(window,document);
    rdt('init','1');rdt('track','PageVisit');`,
  segment: `!function(){var i="analytics",analytics=window[i]=window[i]||[];
    if(!analytics.initialize)if(analytics.invoked)throw 0;else{analytics.invoked=!0;
    analytics.methods=["track","page","addSourceMiddleware"];analytics.factory=function(e){
    return function(){var n=Array.prototype.slice.call(arguments);n.unshift(e);analytics.push(n)}};
    for(var n=0;n<analytics.methods.length;n++){var key=analytics.methods[n];
    analytics[key]=analytics.factory(key)}window.loads='analytics';analytics.page()}}();`,
  adobe: `!function(n,o){o.forEach(function(o){n[o]||((n.__alloyNS=n.__alloyNS||[]).push(o),
    n[o]=function(){var u=arguments;return new Promise(function(i,l){n[o].q.push([i,l,u])})},n[o].q=[])})
    }(window,["alloy"]);alloy("configure",{});alloy("sendEvent",{});`,
  posthog: `!function(t,e){e.__SV||(window.posthog=e,e._i=[],e.init=function(i){
    function g(t,e){t[e]=function(){t.push([e].concat(Array.prototype.slice.call(arguments,0)))}}
    ["capture","opt_in_capturing","opt_out_capturing"].forEach(function(o){g(e,o)});
    e._i.push([i]);window.loads='array'},e.__SV=1)}(document,window.posthog||[]);
    posthog.init('key');posthog.capture('seen');`,
};
