/**
 * The vocabulary: what the boot script hands over, what goes to the service and back, and what
 * core and banner tell each other. Members in snake_case travel on the wire or come from the
 * server's own model, and keep its spelling. See PROTOCOL.md for the words.
 */

import type { Host } from "./host";

export type Model = "opt_in" | "opt_out" | "notice" | "none";
export type Prompt = "banner" | "notice" | "link" | "none";
export type State = "granted" | "denied";
export type MinorEffect = "ban" | "opt_in" | "parental_opt_in";
export type Trigger =
  | "expiry"
  | "purpose_added"
  | "vendor_added"
  | "policy_version"
  | "storage_lost";
export type ConflictRule =
  | "explicit_wins"
  | "explicit_wins_if_noticed"
  | "signal_wins_until_reconfirmed"
  | "signal_wins_until_reconfirmed_known";
export type Action = "accept_all" | "reject_all" | "save" | "withdraw" | "opt_out" | "acknowledge";
export type Refusal = "reject_all" | "withdraw";
export type Reason =
  | "necessary"
  | "choice_granted"
  | "choice_denied"
  | "gpc"
  | "dnt"
  | "default_granted"
  | "default_denied"
  | "exempt_granted"
  | "minor"
  | "sensitive_page"
  | "choice_expired"
  | "notice_changed"
  | "unknown_service"
  | "store_unavailable";
export type OptOutStatus = "required" | "none";

/** 0: the site's own code; 1: the first layer; 2: the preference centre. */
export type Layer = 0 | 1 | 2;
export type View = "banner" | "preferences";

/** A table keyed by ids. Ours have no prototype, so that no id can collide with a builtin. */
export type Table<T> = Record<string, T>;

// ---------------------------------------------------------------- rules, as both sides read them

/** One category under one regime: a row of the table that server and page decide by. */
export interface CategoryRule {
  id: string;
  locked: boolean;
  sale: boolean;
  default: State;
  exempt: boolean;
  gpc: boolean;
  gpc_ends_exempt: boolean;
  dnt: boolean;
  consent_cannot_unlock: boolean;
  /** Its use may be limited, under a switch of its own. */
  sensitive: boolean;
  minors: readonly (readonly [from: number, to: number, effect: MinorEffect])[];
}

/** The decision table of one site under one regime on one day. */
export interface Rules {
  regime: string;
  model: Model;
  surface: Prompt;
  conflict_rule: ConflictRule;
  choice_days: number;
  after_refusal_days: number;
  refusal_lapses: boolean;
  opt_out_status: boolean;
  /** GPC is a standing directive: its later absence is not consent. */
  remember_gpc: boolean;
  /** The first layer needs a control that closes it and refuses. */
  close: boolean;
  triggers: readonly Trigger[];
  assume_age: number | null;
  /** The visitor is to be asked: until they have answered they may be of any age. */
  ask_age: boolean;
  categories: readonly CategoryRule[];
  sale_or_share: CategoryRule;
}

/** What the browser says by itself. `null` is "it said nothing"; only `true` has force. */
export interface Signals {
  gpc: boolean;
  dnt: boolean | null;
}

/** The visitor's newest choice, as far as deciding needs it. Times are seconds since 1970, UTC. */
export interface Prior {
  action: Action;
  categories: Table<boolean>;
  services: Table<boolean>;
  /** The services that were disclosed when it was made. */
  shown_services: readonly string[];
  notice_version: string;
  recorded_at: number;
  valid_until: number;
  /** Made while GPC was on, and after being told so; likewise DNT. */
  gpc_noticed: boolean;
  dnt_noticed: boolean;
  /** GPC itself was the act, remembered as the law asks. */
  by_signal: boolean;
  /** Named `true`, but only left as the law had it: no consent. */
  left_on: readonly string[];
}

/** All that a decision depends on besides the rules. `now` is seconds since 1970, UTC. */
export interface Circumstances {
  now: number;
  notice_version: string;
  services: readonly string[];
  signals: Signals;
  prior: Prior | null;
  age: number | null;
  known: boolean;
  parental: boolean;
}

/** May it fire, and why. */
export interface Decision {
  allow: boolean;
  reason: Reason;
}

/** Everything decided for one visitor at one moment. */
export interface Decisions {
  categories: Table<Decision>;
  sale_or_share: Decision;
  prompt: Prompt;
  opt_out_status: OptOutStatus;
}

// ---------------------------------------------------------------- the boot script

/** One cookie or storage key of a service. `name` may end in `*`. */
export interface CookieUse {
  name: string;
  purpose: string;
  lifetime: string;
}

/** What of a service the core goes by. */
export interface Service {
  id: string;
  category: string;
  /** Names of its cookies and storage keys; one may end in `*`. */
  cookies: readonly string[];
  storage: readonly string[];
  /** Names of its IndexedDB databases, likewise. */
  databases?: readonly string[];
  /** The page is to be loaded anew once it is refused. */
  reload?: boolean;
}

/** What the use of data rests on: GDPR Art 6(1). */
export type LegalBasis =
  | "consent"
  | "contract"
  | "legal_obligation"
  | "public_interest"
  | "legitimate_interest";

/** What of a service the visitor is told: one tag or vendor, which belongs to one category. */
export interface Disclosed {
  id: string;
  name: string;
  category: string;
  /** What it is for, or "". */
  text: string;
  legal_basis: LegalBasis;
  /** Who else receives the data. */
  recipients: readonly string[];
  provider: string;
  /** URL of the provider's privacy policy, or "". */
  policy: string;
  cookies: readonly CookieUse[];
  storage: readonly CookieUse[];
}

/** A link the law wants on the page, with its statutory label. */
export interface StatutoryLink {
  id: string;
  label: string;
  icon: boolean;
}

/** How the interface is laid out. What is left out is `false`, or the first of its kind. */
export interface Look {
  /** Where the first layer stands; `headless`: the site draws all of it. */
  layout?: "box" | "bar" | "dialog" | "headless";
  /** A dialog that the page waits for. Only where the site says so. */
  blocking?: boolean;
  /** Robots that say that they are robots are not asked. */
  hide_from_bots?: boolean;
  /** Colours of the two themes, by the name of their token. */
  light?: Table<string>;
  dark?: Table<string>;
}

/** What `GET /s/{site}.js` hands to the core. */
export interface Boot {
  site: string;
  /** Notice version: 16 hex digits over what is material. */
  version: string;
  rules: Rules;
  language: string;
  services: readonly Service[];
  links: readonly StatutoryLink[];
  look: Look;
  /** What the request for this script said by its headers, where the answer is for one visitor. */
  signals: Signals;
  /** In the name of every chunk: a hash of the build. */
  sdk: string;
  /** In the name of every table of words: a hash of what this site says in all its languages. */
  words: string;
}

/** All that the interface says in one language, the site's own texts merged in. */
export interface Words {
  language: string;
  direction: "ltr" | "rtl";
  /** Placeholders look like `{name}`. */
  texts: Table<string>;
  /** Pages of the site, by the key of their text. */
  urls: Table<string>;
  services: readonly Disclosed[];
  /** The languages there are, by their own names; none in the words of the boot script. */
  languages: Table<string>;
  /** Whether there are other languages. */
  more: boolean;
}

// ---------------------------------------------------------------- a choice on its way

/** What the visitor (or the page) decided, before it is given an id and a time. */
export interface Act {
  action: Action;
  /** Every unlocked category, as `true` or `false`. */
  categories: Table<boolean>;
  /** Services decided apart from their category; empty when there are none. */
  services: Table<boolean>;
  layer: Layer;
  /** The control that was used: "accept_all", "save", …; "api" for the page's own code. */
  control: string;
  /** The language it was asked in. */
  language: string;
}

/** Body of `POST {base}/v1/sites/{site}/choices`. */
export interface Choice extends Act {
  event_id: string;
  notice_version: string;
  /** RFC 3339, UTC. */
  client_time: string;
  /** The newest act that the page knew of: its number, or the newest number before it, and its id. */
  after?: { seq: number; event_id: string };
}

/** Answer to a recorded choice, of which the page reads no more than the id and the token. */
export interface Recorded {
  visitor: string;
  seq: number;
  event_id: string;
  log_index: number;
  recorded_at: string;
  valid_until: string;
  decisions: Table<Decision>;
  token: string;
}

// ---------------------------------------------------------------- core and banner

/** What holds on the page now. Frozen; a change brings a new one. */
export interface Snapshot extends Decisions {
  /** One decision for each service of the boot script. */
  services: Table<Decision>;
  signals: Signals;
  /** The choice that stands, or that ran out; `null` when the visitor never chose. */
  prior: Prior | null;
}

/** What the banner chunk's `mount(host, words)` gives back. None of the calls throws. */
export interface Banner {
  /** Shows a view; `opener` gets the focus back when it closes. */
  show(view: View, opener?: Element | null): void;
  /** Draws the preference centre into a place of the page. */
  embed(place: Element): void;
  /** Something changed (signals, another tab, an act): redraw what is shown. */
  update(snapshot: Snapshot): void;
  hide(): void;
}

/** The banner chunk, an ES module; the chunk of a site that draws for itself is one too. */
export interface BannerModule {
  mount(host: Host, words: Words): Banner;
}

/** A part that the site turned on. It is opened before anything on the page is decided. */
export interface Part {
  /** Told of each decision before any tag feels it. */
  settle(snapshot: Snapshot): void;
  /** Gives back to the page all that was taken from it. */
  stop?(): void;
}

/** The chunk of such a part; `options` are what the site file says of it. */
export interface PartModule {
  open(host: Host, options: never): Part;
}

/** What the chunk gives that draws in the place of what is held back. */
export interface HeldModule {
  mount(host: Host, words: Words): { update(): void };
}

// ---------------------------------------------------------------- the page's own code

/**
 * What brought a change about: "boot", the page was loaded; "choice", an act on it; "tab", an act in
 * another tab; "service", its answer to an act; "page", the page came back to view and something had
 * happened meanwhile.
 */
export type Cause = "boot" | "choice" | "tab" | "service" | "page";

/** What a listener is told. */
export interface Events {
  ready: { cause: Cause; snapshot: Snapshot };
  change: { cause: Cause; snapshot: Snapshot };
  /** The visitor is to be asked or informed. */
  prompt: { cause: Cause; prompt: Prompt };
  /** `cause` is the control that was used. */
  choice: { cause: string; choice: Choice };
  /**
   * What nobody had marked was held, or would have been (`report`): `cause` is what made it, such as
   * "fetch" or "cookie"; `name` its address or key; `service` whose it is, if that is known.
   */
  held: { cause: string; name: string; service: string | null; report: boolean };
  /** Something did not work; whatever it was, it granted nothing. */
  error: { cause: unknown };
}

export type Listener<E extends keyof Events> = (event: Events[E]) => void;
export type Cancel = () => void;

/** What `choose` takes: by kind, or flat with category and service ids side by side. */
export type Choosing = { categories?: Table<boolean>; services?: Table<boolean> } | Table<boolean>;

/** `window.holdfire`. Nothing but `receipt` ever throws or rejects. */
export interface Holdfire {
  /** The first complete snapshot, after all signals are read. */
  readonly ready: Promise<Snapshot>;
  /** May this category or service fire now? `false` for whatever is not known. */
  allowed(id: string): boolean;
  /** The same with its reason. */
  decision(id: string): Decision;
  /** Runs `run` once, as soon as `id` is allowed. */
  when(id: string, run: () => void): Cancel;
  on<E extends keyof Events>(event: E, listener: Listener<E>): Cancel;
  off<E extends keyof Events>(event: E, listener: Listener<E>): void;
  /** What is not named stays as it is. */
  choose(choosing: Choosing): void;
  acceptAll(): void;
  rejectAll(): void;
  withdraw(): void;
  show(view: View): void;
  hide(): void;
  /** The visitor's receipt for their last choice. Rejects if there is none, or none yet. */
  receipt(): Promise<string>;
  /** Runs `run` with this object: what the array did that was here before. */
  push(...runs: ((holdfire: Holdfire) => void)[]): void;
  /** Gives back to the page what was taken from it to hold requests. What is held stays held. */
  stop(): void;
}
