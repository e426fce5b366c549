/** Milliseconds for which a file can be fetched from the page, by a browser that asks where to put it. */
const KEPT = 60_000;

/** What is in a file, by how its name ends. A receipt is no text that a browser should open. */
const TYPES = { txt: "text/plain", html: "text/html", "tlog-proof": "application/octet-stream" };

export type Ending = keyof typeof TYPES;

/**
 * Hands the visitor a file that is made here: no request, and nothing of the page is left. The link
 * is in no document, so no click of it reaches the page's own listeners.
 *
 * A page that tells a receipt is a file too, and is never opened from here: as a blob it would be a
 * page of the site's own origin, under the site's own policy, and whatever were in it could act there.
 */
export function download(name: string, ending: Ending, text: string): void {
  const type = `${TYPES[ending]};charset=utf-8`;
  const href = URL.createObjectURL(new Blob([text], { type }));
  Object.assign(document.createElement("a"), { href, download: `${name}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(href), KEPT);
}
