import type { Host } from "../host";

/**
 * Lets the whole page be reached while the card lies over its lower edge. The browser scrolls what
 * gets the focus clear of the root's scroll padding (WCAG 2.2 SC 2.4.11, technique C43), and room
 * below the end of the page brings up its footer, where many sites have the pages that a visitor may
 * want to read before choosing. Nothing that is on the screen moves: a page without a scroll bar
 * gets no room, because it would get the bar as well; a page that snaps its scrolling would snap
 * anew. Gives back the function that undoes it.
 */
export function keepClear({ later }: Host, card: HTMLElement): () => void {
  const page = document.documentElement;
  const { scrollPaddingBottom, paddingBottom } = page.style;
  const observer = new ResizeObserver(() => {
    if (getComputedStyle(page).scrollSnapType !== "none") return;
    const room = `${innerHeight - card.offsetTop}px`;
    page.style.scrollPaddingBottom = room;
    if (page.scrollHeight > page.clientHeight) page.style.paddingBottom = room;
  });
  const leave = later(() => observer.observe(card));
  return () => {
    leave();
    observer.disconnect();
    Object.assign(page.style, { scrollPaddingBottom, paddingBottom });
  };
}
