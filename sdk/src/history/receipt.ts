/** Milliseconds for which a file can be fetched from the page, by a browser that asks where to put it. */
const KEPT = 60_000;

/**
 * Hands the visitor a file that is made here: no request, and nothing of the page is left. The link
 * is in no document, so no click of it reaches the page's own listeners.
 */
export function download(name: string, text: string): void {
  const href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  Object.assign(document.createElement("a"), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), KEPT);
}
