/**
 * The vocabulary: what the boot script hands over, what goes to the service and back, and what
 * core and banner tell each other. Members in snake_case travel on the wire or come from the
 * server's own model, and keep its spelling. See PROTOCOL.md for the words.
 */

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

/** One tag or vendor; belongs to one category. */
export interface Service {
  id: string;
  name: string;
  category: string;
  provider: string;
  /** URL of the provider's privacy policy, or "". */
  policy: string;
  hosts: readonly string[];
  cookies: readonly CookieUse[];
  storage: readonly CookieUse[];
}

/** A link the law wants on the page, with its statutory label. */
export interface StatutoryLink {
  id: string;
  label: string;
  icon: boolean;
}

/** What `GET /s/{site}.js` hands to the core. */
export interface Boot {
  site: string;
  /** Notice version: 16 hex digits over what is material. */
  version: string;
  regime: { id: string; model: Model };
  language: string;
  direction: "ltr" | "rtl";
  rules: Rules;
  services: readonly Service[];
  links: readonly StatutoryLink[];
  urls: Table<string>;
  /** Texts of the page's language, site's overrides merged in. Placeholders look like `{name}`. */
  texts: Table<string>;
  /** What the request for this script said by its headers, where the answer is for one visitor. */
  signals: Signals;
  /** File name of the banner chunk under `{base}/assets/`. */
  banner: string;
  /** Build hash of the core. */
  sdk: string;
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
}

/** Body of `POST {base}/v1/sites/{site}/choices`. */
export interface Choice extends Act {
  event_id: string;
  notice_version: string;
  language: string;
  /** RFC 3339, UTC. */
  client_time: string;
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

/** What the core offers to the banner chunk. */
export interface BannerHost {
  readonly boot: Boot;
  /** URL of the service, without a trailing slash: links and assets start here. */
  readonly base: string;
  snapshot(): Snapshot;
  /** Applies and sends the act. The banner hides itself; `update` follows at once. */
  choose(act: Act): void;
  /** The banner tells that it was closed without a choice. */
  closed(): void;
}

/** What the banner chunk's `mount(host)` gives back. None of the calls throws. */
export interface Banner {
  /** Shows a view; `opener` gets the focus back when it closes. */
  show(view: View, opener?: Element | null): void;
  /** Something changed (signals, another tab, an act): redraw what is shown. */
  update(snapshot: Snapshot): void;
  hide(): void;
}

/** The banner chunk, an ES module. */
export interface BannerModule {
  mount(host: BannerHost): Banner;
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
}
