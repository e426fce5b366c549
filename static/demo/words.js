/** What the panel says, in sentences. Keys are those of PROTOCOL.md. */

export const REASONS = {
  necessary: "The shop needs it.",
  choice_granted: "You allowed it.",
  choice_denied: "You refused it.",
  gpc: "Your browser sends Global Privacy Control, and here that counts.",
  dnt: "Your browser sends Do Not Track, and here that counts.",
  default_granted: "Here it may run until you object.",
  default_denied: "Here it needs your yes first.",
  exempt_granted: "Here the law exempts it.",
  minor: "It is not for visitors this young.",
  sensitive_page: "This page is sensitive.",
  choice_expired: "Your yes has run out.",
  notice_changed: "What you said yes to has changed.",
  unknown_service: "Nobody has registered it.",
  store_unavailable: "Your choice cannot be read, so no.",
};

export const STATES = { held: "held", cleared: "cleared", fired: "fired", stopped: "stopped" };

const MODELS = {
  opt_in: "opt-in",
  opt_out: "opt-out",
  notice: "notice only",
  none: "no known law",
};

const PROMPTS = {
  banner: "a banner that asks first",
  notice: "a notice, nothing to decide first",
  link: "none; a link to the settings",
  none: "none",
};

/** What the panel says under "What holds here", by the name of the fact. */
export function facts({ explanation, signals }) {
  const { regime, location, prompt, opt_out_status, sale_or_share } = explanation;
  return {
    regime: `${regime.label}: ${MODELS[regime.model]}`,
    location: placeOf(location),
    signals: `GPC ${signals.gpc ? "on" : "off"}, DNT ${signals.dnt ? "on" : "off"}`,
    prompt: PROMPTS[prompt],
    sale: `${sale_or_share.allow ? "allowed" : "denied"}. ${REASONS[sale_or_share.reason]}`,
    "opt-out-status": opt_out_status === "required" ? "must be displayed" : "need not be displayed",
  };
}

/** The panel in one line, for the phone. */
export function summary({ explanation }, fired, all) {
  const { label, model } = explanation.regime;
  return `${label}, ${MODELS[model]}. ${fired} of ${all} tags fired.`;
}

/** What the third party has counted for one tag, whoever the visitor was. */
export function arrivals(counts) {
  const parts = Object.entries(counts).map(([what, n]) => `${what} ×${n}`);
  return `Third party so far: ${parts.join(", ") || "nothing"}`;
}

/** Under a step of the trace: what it rests on, and how sure that is. */
export function authority({ source, as_of, confidence }) {
  return [source, as_of && `reviewed ${as_of}`, confidence && `confidence ${confidence}`]
    .filter(Boolean)
    .join(" · ");
}

function placeOf({ country, region, source, confidence }) {
  const place = country ? [country, region].filter(Boolean).join("-") : "unknown";
  return [place, country && source, `confidence ${confidence}`].filter(Boolean).join(" · ");
}
