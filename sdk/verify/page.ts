/** The page: two files in, one verdict out. It asks no network, and its policy lets it ask none. */

import { fromFile, fromText, type Given, type Slot, slotOf } from "./intake";
import { banner, details } from "./report";
import { judge, type Verdict } from "./verdict";

const SLOTS: readonly Slot[] = ["receipt", "policy"];
const given: Partial<Record<Slot, Given>> = {};
/** One thing after the other: what was handed in last is what is judged, however long a file takes. */
let queue: Promise<void> = Promise.resolve();

const TITLE = document.title;

const find = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;

const now = () => Date.now() / 1000;

const say = (slot: Slot, text: string): void => {
  find(`${slot}-said`).textContent = text;
};

const then = (act: () => Promise<void>): void => {
  queue = queue.then(act);
};

/** Takes it, or says why not. */
const take = async (load: () => Given | Promise<Given>, place?: Slot): Promise<void> => {
  try {
    const found = await load();
    const slot = place ?? slotOf(found);
    given[slot] = found;
    say(slot, `Taken: ${found.name}`);
    await check(false);
  } catch (cause) {
    const slot = place ?? "receipt";
    delete given[slot];
    // A verdict must not stand beside the name of a file that it is not about.
    show(null, false);
    say(slot, (cause as Error).message);
  }
};

/** Checks as soon as there are both; `asked` if the reader pressed the button for it. */
const check = async (asked: boolean): Promise<void> => {
  const { receipt, policy } = given;
  for (const slot of SLOTS) if (asked && !given[slot]) say(slot, `The ${slot} is missing.`);
  if (receipt && policy) show(await judge(receipt.octets, policy.octets, now()), asked);
  else if (asked) find(`${receipt ? "policy" : "receipt"}-file`).focus();
};

const show = (verdict: Verdict | null, asked: boolean): void => {
  const place = find("verdict");
  place.replaceChildren(...(verdict ? [banner(verdict)] : []));
  find("details").replaceChildren(...(verdict ? details(verdict) : []));
  document.title = verdict ? `${verdict.outcome}: a consent receipt` : TITLE;
  if (!verdict) return;
  if (asked) place.querySelector<HTMLElement>("h2")?.focus();
  // On a phone it is below what was handed in.
  place.scrollIntoView({ block: "nearest" });
};

const listen = (slot: Slot): void => {
  const file = find<HTMLInputElement>(`${slot}-file`);
  const text = find<HTMLTextAreaElement>(`${slot}-text`);
  file.addEventListener("change", () => {
    const [picked] = file.files ?? [];
    if (!picked) return;
    text.value = "";
    then(() => take(() => fromFile(picked), slot));
  });
  text.addEventListener("change", () => {
    if (!text.value.trim()) return;
    file.value = "";
    then(() => take(() => fromText(text.value), slot));
  });
};

for (const slot of SLOTS) listen(slot);

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  then(() => check(true));
});

// Both files can be dropped anywhere, at once or one after the other.
const drop = (event: DragEvent, over: boolean): void => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  document.body.classList.toggle("over", over);
};
addEventListener("dragover", (event) => drop(event, true));
addEventListener("dragleave", (event) => event.relatedTarget || drop(event, false));
addEventListener("drop", (event) => {
  drop(event, false);
  for (const file of event.dataTransfer?.files ?? []) then(() => take(() => fromFile(file)));
});

/** The same check without the page, for whoever wants to run it over many receipts. */
Object.assign(globalThis, { judge });
