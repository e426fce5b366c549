// The headless core with the least banner that can be drawn by hand; it has no preference centre.
import { getOrCreateConsentRuntime } from "c15t";

const { consentStore } = getOrCreateConsentRuntime({
  mode: "offline",
  consentCategories: ["necessary", "measurement", "marketing"],
  overrides: { country: "DE", language: "en" },
});
const banner = document.createElement("section");
banner.id = "consent-banner";
banner.setAttribute("aria-label", "Cookie consent");
banner.style.cssText =
  "position:fixed;inset:auto 1rem 1rem;padding:1rem;background:#fff;color:#222;border:1px solid #777;display:none";
banner.innerHTML = // constant markup, written here: nothing of a page or of a visitor is in it
  "<p>We use cookies to count visits and to show adverts.</p>" +
  '<button id="consent-accept">Accept all</button> <button id="consent-reject">Reject all</button>';
const choose = (kind) => () => consentStore.getState().saveConsents(kind);
banner.querySelector("#consent-accept").onclick = choose("all");
banner.querySelector("#consent-reject").onclick = choose("necessary");
document.body.append(banner);
const draw = ({ activeUI }) => {
  banner.style.display = activeUI === "banner" ? "block" : "none";
};
consentStore.subscribe(draw);
draw(consentStore.getState());
