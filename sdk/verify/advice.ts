/** What a verdict means, in sentences that people can act on. */

import { isPersonal } from "./entry";
import type { Claim, Outcome, Reason, Verdict } from "./verdict";

export const TITLES: Readonly<Record<Outcome, string>> = {
  verified: "Verified",
  refuted: "Refuted",
  undecided: "Undecided",
};

export const MEANINGS: Readonly<Record<Outcome, string>> = {
  verified: "What stands below is in the log, and nobody has changed it since the log signed.",
  refuted: "Do not rely on this receipt. It is damaged, or somebody has changed it.",
  undecided: "Nothing is proved, and nothing is disproved.",
};

/** What to do where a verdict is open. */
const NEXT: Partial<Record<Reason, string>> = {
  policy: "Mend the policy file, or get it again from where it came from.",
  version: "Use a newer copy of this page, or the program verify.pyz.",
  origin: "Get the policy that lists this log, from somebody whom you trust, and check again.",
  quorum: "Ask for the receipt again later: witnesses may have signed since. Or ask for less.",
  future: "See whether the clock of this device is right, and check again.",
  browser:
    "Use another browser, or a newer one: Ed25519 is in Chrome 137, Firefox 129 and Safari 17. On an address that begins with http: no browser can check; save this page and open the file.",
};

export const nextStep = ({ reason, outcome }: Verdict): string =>
  outcome === "refuted"
    ? "Get the receipt again from where it came from. If it is refuted again, keep both files: what differs shows what was changed."
    : (NEXT[reason] ?? "");

/** What a verified receipt proves. */
export const proves = ({ witnesses, receipt: { entry } }: Claim): string[] => [
  isPersonal(entry)
    ? "This exact choice was in the log, made under exactly this configuration and these texts."
    : "This exact statement was in the log.",
  "Neither it nor any entry of that tree was changed after the log signed it.",
  witnesses[0]
    ? "The witnesses saw the same log at the times above, so it was there by then and nobody was shown another one."
    : "No witness signed, so for the time and for having shown everybody the same log there is the word of the operator alone.",
];

/** What no receipt proves. */
export const provesNot = ({ receipt: { entry } }: Claim): string[] => [
  ...(isPersonal(entry)
    ? ["Who it was that made the choice: the number stands for a browser, not for a person."]
    : []),
  "That the operator put every choice into the log.",
  "That what the texts and the configuration say is true or lawful. Their digests show which they were.",
  "More than your policy: the keys in it have to be the right ones.",
];
