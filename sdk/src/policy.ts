/**
 * The decision: one pure function over a table of rules.
 *
 * The service runs the same function (`policy.py`); `tests/vectors/policy.json` holds the two
 * equal. Precedence, first match wins: what is locked, the rules for minors, a refusal, a signal
 * against a consent, a consent, an attested exemption, the regime's default. A signal only denies.
 */

import { bare, freeze, keys, table } from "./natives";
import type {
  CategoryRule,
  Circumstances,
  Decision,
  Decisions,
  MinorEffect,
  Prior,
  Prompt,
  Reason,
  Rules,
  Service,
  Trigger,
} from "./types";

export const DAY = 86_400; // seconds

/** A decision follows from its reason. These allow; there is no other way to an `allow: true`. */
export const because = (reason: Reason): Decision =>
  freeze(
    bare({
      allow:
        reason === "necessary" ||
        reason === "choice_granted" ||
        reason === "exempt_granted" ||
        reason === "default_granted",
      reason,
    }),
  );

/** Decides every category, the sale, and what the visitor is to be shown. */
export const decide = (rules: Rules, now: Circumstances): Decisions => {
  const reasonFor = judge(rules, now);
  const said = (rule: CategoryRule) => now.prior?.categories[rule.id];
  const categories = table<Decision>();
  for (const rule of rules.categories) categories[rule.id] = because(reasonFor(rule, said(rule)));
  const sold = rules.categories.filter((rule) => rule.sale).map(said);
  // To refuse one category that carries the sale is to refuse it; to allow it takes all of them.
  const leftOn = rules.categories.some((one) => one.sale && now.prior?.left_on.includes(one.id));
  const saidOfSale = sold.includes(false)
    ? false
    : (!leftOn && sold[0] && !sold.includes(undefined)) || undefined;
  const sale = because(reasonFor(rules.sale_or_share, saidOfSale));
  return {
    categories: freeze(categories),
    sale_or_share: sale,
    prompt: promptFor(rules, now),
    opt_out_status: rules.opt_out_status && now.signals.gpc && !sale.allow ? "required" : "none",
  };
};

/** Decides one service. Its own choice narrows its category, and never widens it. */
export const decideService = (
  { id, category }: Service,
  decided: Decisions,
  prior: Prior | null,
): Decision => {
  const decision = decided.categories[category] ?? because("unknown_service");
  const refused =
    decision.allow && decision.reason !== "necessary" && prior?.services[id] === false;
  return refused ? because("choice_denied") : decision;
};

/** What is the same for every category is found once; what comes back judges one of them. */
const judge = (rules: Rules, { now, notice_version, signals, prior, ...who }: Circumstances) => {
  const lapse: Reason | null = !(prior && isConsent(prior))
    ? "default_denied"
    : now >= expiry(prior, rules)
      ? "choice_expired"
      : prior.notice_version !== notice_version
        ? "notice_changed"
        : null;
  const refusalStands =
    prior &&
    prior.action !== "acknowledge" &&
    !(rules.refusal_lapses && now >= expiry(prior, rules));
  const beats = (noticed: boolean | undefined) =>
    rules.conflict_rule === "explicit_wins" ||
    (noticed && (who.known || rules.conflict_rule !== "signal_wins_until_reconfirmed_known"));
  return (rule: CategoryRule, said: boolean | undefined): Reason => {
    if (rule.locked) return "necessary";
    const minor = minorEffects(rules, rule, who.age);
    if (minor.includes("ban")) return "minor";
    if (minor.includes("parental_opt_in") && !who.parental) return "minor";
    if (said === false && refusalStands) {
      return prior.by_signal && rule.gpc ? "gpc" : "choice_denied";
    }
    if (rule.consent_cannot_unlock) return "default_denied";
    const granted = said && !lapse;
    const consents = granted && !prior?.left_on.includes(rule.id);
    if (signals.gpc && rule.gpc && !(consents && beats(prior?.gpc_noticed))) return "gpc";
    if (signals.dnt && rule.dnt && !(consents && beats(prior?.dnt_noticed))) return "dnt";
    if (consents) return "choice_granted";
    if (minor[0]) return "minor";
    if (rule.exempt) return signals.gpc && rule.gpc_ends_exempt ? "gpc" : "exempt_granted";
    if (rule.default === "granted") return granted ? "choice_granted" : "default_granted";
    return (said && lapse) || "default_denied";
  };
};

/** What the rules for minors do to a category for a visitor of this age, in years. */
const minorEffects = (
  { assume_age, ask_age }: Rules,
  { minors }: CategoryRule,
  told: number | null,
): MinorEffect[] => {
  // On a site for children nobody can be said to be older.
  const age = Math.min(told ?? Infinity, assume_age ?? Infinity);
  // Who was asked and has not answered may be of any age: every band holds.
  const unanswered = ask_age && told === null;
  return minors
    .filter(([from, to]) => unanswered || (from <= age && age <= to))
    .map(([, , effect]) => effect);
};

/** Whether a consent can allow a category to a visitor of this age, signals apart. */
export const canUnlock = (rules: Rules, rule: CategoryRule, age: number | null): boolean =>
  !rule.consent_cannot_unlock &&
  minorEffects(rules, rule, age).every((effect) => effect === "opt_in");

/** Only these say "yes". Closing a notice, or opting out of a sale, grants nothing. */
const isConsent = ({ action }: Prior): boolean => action === "accept_all" || action === "save";

/** The earlier of what the visitor was told and what the law here allows, in seconds. */
const expiry = (prior: Prior, rules: Rules): number =>
  Math.min(prior.valid_until, prior.recorded_at + rules.choice_days * DAY);

// ---------------------------------------------------------------- what to show

const promptFor = (rules: Rules, now: Circumstances): Prompt => {
  if (rules.categories.every((rule) => rule.locked)) return "none";
  return now.prior && isSettled(now.prior, rules, now) ? "link" : rules.surface;
};

/** Whether this visitor is not to be asked again yet. */
const isSettled = (prior: Prior, rules: Rules, now: Circumstances): boolean => {
  const triggers = (trigger: Trigger, happened: boolean) =>
    happened && rules.triggers.includes(trigger);
  const added = rules.categories.some((rule) => !rule.locked && !settles(prior, rule.id, rules));
  const vendors = now.services.some((id) => !prior.shown_services.includes(id));
  const changed = prior.notice_version !== now.notice_version && !added && !vendors;
  if (
    triggers("purpose_added", added) ||
    triggers("vendor_added", vendors) ||
    triggers("policy_version", changed)
  ) {
    return false;
  }
  const refused = !keys(prior.categories).some((id) => prior.categories[id]);
  const quiet = Math.max(rules.choice_days, rules.after_refusal_days);
  return now.now < (refused ? prior.recorded_at + quiet * DAY : expiry(prior, rules));
};

/**
 * Whether this act answers for a category. Where silence means "no", only an answer does: a notice
 * closed, or a sale refused elsewhere, leaves the rest still to be asked.
 */
const settles = (prior: Prior, id: string, rules: Rules): boolean => {
  const said = prior.categories[id];
  if (rules.model !== "opt_in") return said !== undefined;
  if (isConsent(prior)) return said !== undefined && !(said && prior.left_on.includes(id));
  return said === false && prior.action !== "acknowledge";
};
