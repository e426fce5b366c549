import type { Acts } from "./act/host";
import type { Inlined } from "./chunks";
import type { Courier } from "./courier/host";
import type { Speaker } from "./events";
import type { Later } from "./later";
import type { Area, Memory } from "./storage";
import type { Act, Boot, Cause, Choice, Decision, Signals, Snapshot, Words } from "./types";

/** What the core lends to every chunk: one view of one page. Nothing of it throws. */
export interface Host {
  readonly boot: Boot;
  /** The service's URL without a last slash, or "" if it cannot be told: then nothing is sent. */
  readonly base: string;
  /** What the owner's page declares of the visitor: a query, or "". */
  readonly declared: string;
  readonly inlined: Inlined;
  /** As it was when the boot script began: the page may replace it later. */
  readonly fetch: typeof fetch;
  /** What this browser keeps, under keys that begin with that of the site (`keyOf`). */
  readonly local: Area;
  readonly memory: Memory;
  signals(): Signals;
  /** The years that are known by now, or `null`. */
  age(): number | null;
  /** Seconds since 1970, UTC. */
  now(): number;
  /** What holds; the start decides before anybody can ask for it. */
  snapshot(): Snapshot;
  decision(id: string): Decision;
  /** Decides anew; if anything comes out differently, tags, visitor and page come to feel it. */
  settle(cause: Cause): void;
  /** An act stands and is on its way: tags, tabs and the page are to feel it. */
  done(choice: Choice): void;
  /** Applies and sends an act. */
  choose(act: Act): void;
  /** Has an act made. */
  act(use: (acts: Acts) => void): void;
  /** Has something carried, to the service or out of the browser. */
  courier(use: (courier: Courier) => void): void;
  /** Gets another chunk. */
  chunk<T>(name: string): Promise<T>;
  /** Gets what is said in a language of the site; `more` is what few ever open. */
  words(language: string, part?: "more"): Promise<Words>;
  /** Lets this one element load, now, until the visitor acts, and remembers nothing. */
  once(held: Element): void;
  /** Whether this element may load now. */
  permits(held: Element): boolean;
  /** Does what can wait for the next picture on the screen; what comes back leaves it undone. */
  readonly later: Later;
  /** Tells the page's own code of something. */
  readonly emit: Speaker["emit"];
  /** Tells of an error. */
  fail(cause: unknown): void;
}
