/**
 * Runs in the page before anything else, and asks the page nothing but what anybody can see.
 * `accept` is the selector of the control by which the banner is known to be on the screen.
 */
(accept) => {
  const long = [];
  const events = [];
  let shift = 0;
  let paint = null;
  let visible = null;
  let clicked = null;

  const observe = (type, take, more) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({
      type,
      buffered: true,
      ...more,
    });
  observe("longtask", ({ duration }) => long.push(duration));
  observe("layout-shift", ({ value, hadRecentInput }) => {
    if (!hadRecentInput) shift += value;
  });
  observe("paint", ({ name, startTime }) => {
    if (name === "first-contentful-paint") paint = startTime;
  });
  observe(
    "event",
    ({ name, interactionId, startTime, processingEnd, duration }) => {
      if (interactionId) events.push({ name, startTime, processingEnd, duration });
    },
    { durationThreshold: 16 },
  );

  /** `host >>> selector` reaches into open shadow roots. */
  const find = (selector) => {
    const [host, inner] = selector.split(" >>> ");
    if (!inner) return document.querySelector(host);
    for (const { shadowRoot } of document.querySelectorAll(host)) {
      const found = shadowRoot?.querySelector(inner);
      if (found) return found;
    }
    return null;
  };
  const above = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host;
  const shown = (selector) => {
    const element = find(selector);
    if (!element) return false;
    const { width, height, top, left, bottom, right } = element.getBoundingClientRect();
    if (!width || !height) return false;
    if (bottom <= 0 || right <= 0 || top >= innerHeight || left >= innerWidth) return false;
    if (getComputedStyle(element).visibility !== "visible") return false;
    for (let node = element; node; node = above(node)) {
      if (Number(getComputedStyle(node).opacity) === 0) return false;
    }
    return true;
  };

  // A message posted in a frame arrives once the frame has been drawn.
  const drawn = (then) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      then(performance.now());
      port1.close();
    };
    port2.postMessage(null);
  };
  const look = () => {
    if (shown(accept)) drawn((now) => (visible = now));
    else requestAnimationFrame(look);
  };
  if (accept) requestAnimationFrame(look);

  // On some pages Chromium counts a click and never reports its timing: so there is a witness.
  addEventListener(
    "click",
    ({ timeStamp }) => requestAnimationFrame(() => drawn((now) => (clicked = now - timeStamp))),
    true,
  );

  window.bench = {
    shown,
    /** The middle of an element, in CSS pixels. */
    middle(selector) {
      const { x, y, width, height } = find(selector).getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    },
    origin: performance.timeOrigin,
    visible: () => visible,
    clicks: () => ({ events, clicked }),
    figures: () => ({
      visible,
      paint,
      shift,
      long,
      requests: 1 + performance.getEntriesByType("resource").length,
    }),
  };
};
