const STOPS = "a,button,input:enabled,select,summary";

/**
 * Lets Tab go round inside a modal dialog. The browser makes the page behind it inert, but lets the
 * focus leave for its own toolbar from the last control, where a visitor may well lose it.
 * Escape always leads out, so this is no trap in the sense of WCAG SC 2.1.2.
 */
export function goRound(dialog: HTMLElement): void {
  dialog.addEventListener("keydown", (event) => {
    const stops = [...dialog.querySelectorAll<HTMLElement>(STOPS)].filter(
      (stop) => stop.getClientRects()[0],
    );
    if (event.shiftKey) stops.reverse();
    const at = event.target as HTMLElement;
    // Shift+Tab from the heading, where the focus starts, would leave as well.
    const leaves = at === stops.at(-1) || (event.shiftKey && at.tabIndex < 0);
    if (event.key !== "Tab" || !leaves) return;
    event.preventDefault();
    stops[0]?.focus();
  });
}
