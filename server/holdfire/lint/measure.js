/**
 * Measures the consent banner of the page it is run in, and changes nothing that lasts.
 *
 * `ask` is null for the measurement as plain JSON, "ready" for whether a layer can be seen, the
 * number of a control for the element itself, so that it can be clicked, or "on" or "off" to turn
 * every switch of a category, which gives back how many were turned.
 *
 * Two kinds of banner are understood. Our own: shadow roots of `holdfire-ui`, with `data-control`
 * and `.card`, `dialog` or `data-layer`. One that the site draws: `data-holdfire` on its controls
 * and `data-holdfire-layer` on its layers.
 */
(ask) => {
  const FAINT = 0.1; // opacity below which nobody sees a thing
  const MARKED = "[data-control], [data-holdfire]";
  const PRESSABLE = "button, [role=button]";
  const SWITCH = "input[type=checkbox], [role=switch], [role=checkbox]";

  const round = (number) => Math.round(number * 100) / 100;
  const clean = (text) => text.replace(/\s+/g, " ").trim();

  /** Every element below a root, through open shadow roots. */
  const deep = (root, found = []) => {
    for (const element of root.querySelectorAll("*")) {
      found.push(element);
      if (element.shadowRoot) deep(element.shadowRoot, found);
    }
    return found;
  };
  const parent = (element) =>
    element.assignedSlot ?? element.parentElement ?? element.getRootNode().host ?? null;
  const within = (element, ancestor) => {
    let node = element;
    while (node && node !== ancestor) node = parent(node);
    return node === ancestor;
  };
  const ours = (element) => element.getRootNode().host?.localName === "holdfire-ui";
  const layerNumber = (element) => {
    const { holdfireLayer, layer } = element.dataset ?? {};
    if (holdfireLayer) return Number(holdfireLayer);
    if (!ours(element)) return 0;
    if (layer) return Number(layer);
    return element.matches(".card") ? 1 : element.matches("dialog") ? 2 : 0;
  };

  // ---------------------------------------------------------------- what can be seen

  const opacity = (element) => {
    let product = 1;
    for (let node = element; node; node = parent(node)) {
      product *= Number(getComputedStyle(node).opacity);
    }
    return product;
  };
  const visible = (element) => {
    const { width, height } = element.getBoundingClientRect();
    const drawn = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    return drawn && width > 0 && height > 0 && opacity(element) >= FAINT;
  };
  /** The usual ways to let a text be read out and not seen. */
  const aside = (element) => {
    for (let node = element; node; node = parent(node)) {
      const { width, height } = node.getBoundingClientRect();
      const { clipPath, overflow, position } = getComputedStyle(node);
      if (clipPath.startsWith("inset(50%")) return true;
      if (width <= 2 && height <= 2 && overflow !== "visible" && /fix|abs/.test(position)) {
        return true;
      }
    }
    return false;
  };
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
  const hit = (x, y) => {
    let found = document.elementFromPoint(x, y);
    while (found?.shadowRoot) {
      const inner = found.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === found) break;
      found = inner;
    }
    return found;
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
  const ground = (element) => {
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
  };
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
  const role = (element) => element.dataset.control ?? element.dataset.holdfire ?? "";
  const name = (element) => {
    const { control, holdfire } = element.dataset ?? {};
    const mark = control
      ? `[data-control=${control}]`
      : holdfire
        ? `[data-holdfire=${holdfire}]`
        : element.id
          ? `#${element.id}`
          : element.classList?.length
            ? `.${element.classList[0]}`
            : "";
    return element.localName + mark;
  };
  const words = (element) =>
    clean(
      element.getAttribute("aria-label") || element.innerText || element.value || element.title || "",
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
    return clean(lines.flatMap(own).map((node) => node.data).join(" ")).length;
  };
  const edge = (style) => {
    const sides = ["Top", "Right", "Bottom", "Left"].filter(
      (side) => style[`border${side}Style`] !== "none" && parseFloat(style[`border${side}Width`]) > 0,
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
    const style = getComputedStyle(element);
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
      visible: visible(element) && !aside(element),
      shown: round(shown(element)),
      covered: covered(element),
      disabled: element.matches(":disabled, [aria-disabled=true]"),
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
      part?.dataset.category ?? part?.querySelector("[id^=category-]")?.id.slice("category-".length);
    return {
      element: name(element),
      category: named || own || around || element.id || element.name || "",
      service: element.id.startsWith("service-"),
      checked: element.checked ?? element.getAttribute("aria-checked") === "true",
      disabled: element.matches(":disabled, [aria-disabled=true]"),
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
    const seen = visible(element) && !aside(element) && parseFloat(style.fontSize) >= 1;
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
    const veil = (element) => {
      for (let node = element; node && node !== document.body; node = parent(node)) {
        const { width, height } = node.getBoundingClientRect();
        const whole = width >= innerWidth * 0.98 && height >= innerHeight * 0.98;
        const bare = layers.some((layer) => within(layer, node)) || !clean(node.innerText ?? "");
        if (getComputedStyle(node).position === "fixed" && whole && bare) return true;
      }
      return false;
    };
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

  for (const animation of document.getAnimations()) {
    try {
      animation.finish();
    } catch {
      // Endless ones cannot be finished, and move nothing that is measured here.
    }
  }
  const all = deep(document);
  const layers = all.filter((element) => layerNumber(element) && visible(element));
  if (ask === "ready") return layers.length > 0;
  const inLayer = (element) => layers.findLast((layer) => within(element, layer));
  const controls = all.filter(
    (element) =>
      layerNumber(element) === 0 &&
      (element.matches(MARKED) || (element.matches(PRESSABLE) && inLayer(element))),
  );
  if (typeof ask === "number") return controls[ask];
  if (ask === "on" || ask === "off") {
    const turned = all.filter((element) => {
      if (!element.matches(SWITCH) || !inLayer(element) || !visible(element)) return false;
      const { service, checked, disabled } = toggle(element);
      return !service && !disabled && checked !== (ask === "on");
    });
    for (const element of turned) if (toggle(element).checked !== (ask === "on")) element.click();
    return turned.length;
  }
  const held = controls.map((element, index) => ({ element, index, layer: inLayer(element) }));
  const measured = (layer) => {
    const inside = all.filter((element) => element !== layer && inLayer(element) === layer);
    const written = [layer, ...inside].map(writing).filter(Boolean);
    return {
      number: layerNumber(layer),
      element: name(layer),
      box: box(layer),
      controls: held.filter((c) => c.layer === layer).map((c) => control(c.element, c.index)),
      switches: inside.filter((e) => e.matches(SWITCH) && visible(e)).map(toggle),
      texts: written,
      spoken: inside
        .flatMap((e) => ["aria-label", "title", "alt"].map((key) => e.getAttribute(key)))
        .filter(Boolean),
    };
  };
  const first = layers.filter((layer) => layerNumber(layer) === 1);
  const language = layers[0]?.closest("[lang]") ?? document.documentElement;
  return {
    language: language.lang.toLowerCase(),
    width: innerWidth,
    height: innerHeight,
    layers: layers.map(measured),
    loose: held.filter((c) => !c.layer).map((c) => control(c.element, c.index)),
    blocked_by: first.length && first.length === layers.length ? blockers(first) : [],
  };
};
