/** The element that has the focus, looked for inside open shadow trees too. */
export function focused(): HTMLElement | null {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active instanceof HTMLElement ? active : null;
}

/**
 * Lets Tab go round inside a modal dialog. The browser makes the page behind it inert, but lets the
 * focus leave for its own toolbar from the last control, where a visitor may well lose it.
 * Escape always leads out, so this is no trap in the sense of WCAG SC 2.1.2.
 */
export function goRound(dialog: HTMLElement): void {
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    const stops = [
      ...dialog.querySelectorAll<HTMLElement>("a[href],button,input:enabled,summary"),
    ].filter((stop) => stop.getClientRects().length > 0);
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    const active = focused();
    // Shift+Tab from the heading, where the focus starts, would leave as well.
    if (active !== edge && !(event.shiftKey && active?.tabIndex === -1)) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0])?.focus();
  });
}
