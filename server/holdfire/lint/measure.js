/**
 * Measures the consent banner of the page it is run in, as JSON (see `measurement.py`). It is given
 * what can be seen there (`sight.js`), and changes nothing that lasts.
 */
(sight) => {
  const { FAINT, MARKED, PRESSABLE, all, controls, layers } = sight;
  const { clean, deep, hit, inLayer, layerNumber, name, once, opacity, parent, role } = sight;
  const { checked, disabled, plain, switches, visible, within } = sight;

  const round = (number) => Math.round(number * 100) / 100;

  // ---------------------------------------------------------------- where it lies

  /** The part of its area that is on the screen without scrolling, from 0 to 1. */
  const shown = (element) => {
    let { left, top, right, bottom } = element.getBoundingClientRect();
    const area = (right - left) * (bottom - top);
    const cut = (box) => {
      left = Math.max(left, box.left);
      top = Math.max(top, box.top);
      right = Math.min(right, box.right);
      bottom = Math.min(bottom, box.bottom);
    };
    for (let node = element; node && node !== document.body; node = parent(node)) {
      const { overflow, position, display } = getComputedStyle(node);
      if (node !== element && overflow !== "visible" && display !== "contents") {
        cut(node.getBoundingClientRect());
      }
      if (position === "fixed" || node.matches(":popover-open, :modal")) break;
    }
    cut({ left: 0, top: 0, right: innerWidth, bottom: innerHeight });
    return area ? (Math.max(0, right - left) * Math.max(0, bottom - top)) / area : 0;
  };
  /** Whether something else lies over the middle of it. */
  const covered = (element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const found = hit(left + width / 2, top + height / 2);
    const labels = [...(element.labels ?? [])];
    return found !== null && ![element, ...labels].some((target) => within(found, target));
  };

  // ---------------------------------------------------------------- colours

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parsed = new Map();
  /** Any CSS colour as red, green, blue (0 to 255) and alpha (0 to 1), in sRGB. */
  const rgba = (css) => {
    if (!parsed.has(css)) {
      const plain = css.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/);
      if (plain) {
        parsed.set(css, [...plain.slice(1, 4).map(Number), Number(plain[4] ?? 1)]);
      } else {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = css;
        canvas.fillRect(0, 0, 1, 1);
        const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
        parsed.set(css, [red, green, blue, alpha / 255]);
      }
    }
    return parsed.get(css);
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const faded = ([r, g, b, a], by) => [r, g, b, a * by];
  const paper = (() => {
    const probe = document.createElement("i");
    probe.style.color = "Canvas";
    document.documentElement.append(probe);
    const colour = rgba(getComputedStyle(probe).color);
    probe.remove();
    return colour;
  })();
  /** What an element stands on, as far as style tells; `image` where a picture shows through. */
  const ground = once((element) => {
    const sheets = [];
    let image = false;
    for (let node = element; node; node = parent(node)) {
      const { backgroundColor, backgroundImage } = getComputedStyle(node);
      const sheet = faded(rgba(backgroundColor), opacity(node));
      image ||= backgroundImage !== "none";
      sheets.push(sheet);
      if (sheet[3] >= 0.995) break;
    }
    const colour = sheets.reduceRight((under, sheet) => over(sheet, under), paper.slice(0, 3));
    return { colour: colour.map(Math.round), image };
  });
  const inked = (css, element, under) =>
    over(faded(rgba(css), opacity(element)), under).map(Math.round);

  // ---------------------------------------------------------------- one element

  const box = (element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return { x: round(left), y: round(top), width: round(width), height: round(height) };
  };
  /** What a finger may hit: for a switch, its label as well. */
  const target = (element) => {
    const boxes = [element, ...(element.labels ?? [])].map((part) => part.getBoundingClientRect());
    const side = (name) => Math.max(...boxes.map((found) => found[name]));
    return { width: round(side("width")), height: round(side("height")) };
  };
  const words = (element) =>
    clean(
      element.getAttribute("aria-label") ||
        element.innerText ||
        element.value ||
        element.title ||
        "",
    );
  const kind = (element) => {
    if (element.hasAttribute("role")) return element.getAttribute("role");
    if (element.localName === "a") return "link";
    if (/^(button|summary)$/.test(element.localName)) return "button";
    if (element.localName !== "input") return element.localName;
    return /^(button|submit|image|reset)$/.test(element.type) ? "button" : element.type;
  };
  const inline = (element) => /^(inline|contents)/.test(getComputedStyle(element).display);
  /** The block whose lines an element stands in. */
  const blockOf = (element) => {
    let block = parent(element);
    while (block && inline(block)) block = parent(block);
    return block;
  };
  /** How many letters of running text stand in the same block, other controls left out. */
  const beside = (element) => {
    const block = inline(element) ? blockOf(element) : null;
    if (!block || /flex|grid/.test(getComputedStyle(block).display)) return 0;
    const lines = [block, ...deep(block)].filter(
      (part) =>
        (part === block || (inline(part) && blockOf(part) === block)) &&
        !part.closest(`${MARKED}, ${PRESSABLE}`) &&
        visible(part),
    );
    const own = (part) => [...part.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    return clean(
      lines
        .flatMap(own)
        .map((node) => node.data)
        .join(" "),
    ).length;
  };
  const edge = (style) => {
    const sides = ["Top", "Right", "Bottom", "Left"].filter(
      (side) =>
        style[`border${side}Style`] !== "none" && parseFloat(style[`border${side}Width`]) > 0,
    );
    const [side] = sides;
    // A line under a word is no box around it.
    return sides.length < 3
      ? null
      : { width: parseFloat(style[`border${side}Width`]), css: style[`border${side}Color`] };
  };
  const painted = (element) => {
    const style = getComputedStyle(element);
    const surround = ground(parent(element));
    const fill = ground(element);
    const border = edge(style);
    const own = rgba(style.backgroundColor)[3] >= FAINT || style.backgroundImage !== "none";
    return {
      filled: own,
      fill: fill.colour,
      surround: surround.colour,
      image: fill.image,
      border: border && inked(border.css, element, surround.colour),
      native: style.appearance !== "none" && element.localName === "input",
    };
  };

  const control = (element, index) => {
    const paint = painted(element);
    // The words may stand in an element of their own within the control.
    const ink = [element, ...element.querySelectorAll("*")].find((part) =>
      [...part.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && clean(node.data)),
    );
    const inkStyle = getComputedStyle(ink ?? element);
    return {
      index,
      role: role(element),
      element: name(element),
      kind: kind(element),
      text: words(element),
      box: box(element),
      target: target(element),
      font_size: parseFloat(inkStyle.fontSize),
      font_weight: parseFloat(inkStyle.fontWeight),
      colour: inked(inkStyle.color, ink ?? element, paint.fill),
      paint,
      visible: plain(element),
      shown: round(shown(element)),
      covered: covered(element),
      disabled: disabled(element),
      focusable: element.tabIndex >= 0 && !element.matches(":disabled"),
      beside: beside(element),
      leaves: element.localName === "a" && /^https?:/.test(element.getAttribute("href") ?? ""),
    };
  };

  const toggle = (element) => {
    const named = element.dataset.category ?? element.dataset.holdfireCategory ?? "";
    const own = /^category-(.+)$/.exec(element.id)?.[1];
    const part = element.closest(".category, [data-category]");
    const around =
      part?.dataset.category ??
      part?.querySelector("[id^=category-]")?.id.slice("category-".length);
    return {
      element: name(element),
      category: named || own || around || element.id || element.name || "",
      service: element.id.startsWith("service-"),
      checked: checked(element),
      disabled: disabled(element),
      target: target(element),
      paint: painted(element),
    };
  };

  const writing = (element) => {
    const text = clean(
      [...element.childNodes].map((n) => (n.nodeType === Node.TEXT_NODE ? n.data : "")).join(" "),
    );
    if (!text || /^(script|style|template|option)$/.test(element.localName)) return null;
    const style = getComputedStyle(element);
    const { colour, image } = ground(element);
    const seen = plain(element) && parseFloat(style.fontSize) >= 1;
    const inside = element.closest(`${MARKED}, ${PRESSABLE}`);
    return {
      element: name(element),
      text,
      seen,
      font_size: parseFloat(style.fontSize),
      font_weight: parseFloat(style.fontWeight),
      colour: inked(style.color, element, colour),
      background: colour,
      image,
      button: Boolean(inside) && kind(inside) === "button",
      disabled: Boolean(element.closest(":disabled, [aria-disabled=true]")),
    };
  };

  // ---------------------------------------------------------------- the page behind

  const blockers = (layers) => {
    const found = [];
    const page = document.documentElement;
    const [html, body] = [page, document.body].map((node) => getComputedStyle(node));
    const locked = (style) => /hidden|clip/.test(style.overflowY);
    const lock = locked(html) || (html.overflowY === "visible" && locked(body));
    if (lock || body.position === "fixed") found.push("scroll lock");
    if (layers.some((layer) => layer.matches(":modal"))) found.push("modal dialog");
    const others = [...document.body.children].filter(
      (child) => child.getClientRects().length && !layers.some((layer) => within(layer, child)),
    );
    if (page.inert || document.body.inert || (others.length && others.every((o) => o.inert))) {
      found.push("inert page");
    }
    const veil = once((element) => {
      for (let node = element; node && node !== document.body; node = parent(node)) {
        const { width, height } = node.getBoundingClientRect();
        const whole = width >= innerWidth * 0.98 && height >= innerHeight * 0.98;
        const bare = layers.some((layer) => within(layer, node)) || !clean(node.innerText ?? "");
        if (getComputedStyle(node).position === "fixed" && whole && bare) return true;
      }
      return false;
    });
    let free = 0;
    let veiled = 0;
    for (let row = 0.5; row < 12; row += 1) {
      for (let column = 0.5; column < 12; column += 1) {
        const element = hit((innerWidth * column) / 12, (innerHeight * row) / 12);
        if (!element) continue;
        if (veil(element)) veiled += 1;
        else if (!layers.some((layer) => within(element, layer))) free += 1;
      }
    }
    if (!free) found.push(veiled ? "overlay" : "full-screen layer");
    return found;
  };

  // ---------------------------------------------------------------- all of it

  const held = controls.map((element, index) => ({ element, index, layer: inLayer(element) }));
  const measured = (layer) => {
    const inside = all.filter((element) => element !== layer && inLayer(element) === layer);
    const written = [layer, ...inside].map(writing).filter(Boolean);
    return {
      number: layerNumber(layer),
      element: name(layer),
      box: box(layer),
      controls: held.filter((c) => c.layer === layer).map((c) => control(c.element, c.index)),
      switches: switches(layer).map(toggle),
      texts: written,
      spoken: inside
        .flatMap((e) => ["aria-label", "title", "alt"].map((key) => e.getAttribute(key)))
        .filter(Boolean),
    };
  };
  const first = layers.filter((layer) => layerNumber(layer) === 1);
  const language = layers[0]?.closest("[lang]") ?? document.documentElement;
  // As text: a browser hands over one string faster than a thousand values.
  return JSON.stringify({
    language: language.lang.toLowerCase(),
    width: innerWidth,
    height: innerHeight,
    layers: layers.map(measured),
    loose: held.filter((c) => !c.layer).map((c) => control(c.element, c.index)),
    blocked_by: first.length && first.length === layers.length ? blockers(first) : [],
  });
};
