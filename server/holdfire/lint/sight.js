/**
 * What of a page's consent banner can be seen and pressed. Nothing that lasts is changed.
 *
 * Two kinds of banner are understood. Our own: shadow roots of `holdfire-ui`, with `data-control`
 * and `.card`, `dialog` or `data-layer`. One that the site draws: `data-holdfire` on its controls
 * and `data-holdfire-layer` on its layers.
 */
() => {
  const FAINT = 0.1; // opacity below which nobody sees a thing
  const MARKED = "[data-control], [data-holdfire]";
  const PRESSABLE = "button, [role=button]";
  const SWITCH = "input[type=checkbox], [role=switch], [role=checkbox]";

  /** A question about an element that is answered once in a look: ancestors are asked often. */
  const once = (answer) => {
    const known = new Map();
    return (element) => {
      if (!known.has(element)) known.set(element, answer(element));
      return known.get(element);
    };
  };
  const clean = (text) => text.replace(/\s+/g, " ").trim();

  /** Every element below a root, through open shadow roots. */
  const deep = (root, found = []) => {
    for (const element of root.querySelectorAll("*")) {
      found.push(element);
      if (element.shadowRoot) deep(element.shadowRoot, found);
    }
    return found;
  };
  const parent = once(
    (element) =>
      element.assignedSlot ?? element.parentElement ?? element.getRootNode().host ?? null,
  );
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

  const opacity = once((element) => {
    const around = parent(element);
    return Number(getComputedStyle(element).opacity) * (around ? opacity(around) : 1);
  });
  const visible = once((element) => {
    const { width, height } = element.getBoundingClientRect();
    const drawn = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    return drawn && width > 0 && height > 0 && opacity(element) >= FAINT;
  });
  /** The usual ways to let a text be read out and not seen. */
  const aside = once((element) => {
    const { width, height } = element.getBoundingClientRect();
    const { clipPath, overflow, position } = getComputedStyle(element);
    const tiny = width <= 2 && height <= 2 && overflow !== "visible" && /fix|abs/.test(position);
    const around = parent(element);
    return clipPath.startsWith("inset(50%") || tiny || (around !== null && aside(around));
  });
  const hit = (x, y) => {
    let found = document.elementFromPoint(x, y);
    while (found?.shadowRoot) {
      const inner = found.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === found) break;
      found = inner;
    }
    return found;
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
  /** The innermost layer that an element stands in. */
  const inLayer = once((element) => layers.findLast((layer) => within(element, layer)));
  const controls = all.filter(
    (element) =>
      layerNumber(element) === 0 &&
      (element.matches(MARKED) || (element.matches(PRESSABLE) && inLayer(element))),
  );
  const disabled = (element) => element.matches(":disabled, [aria-disabled=true]");
  const checked = (element) => element.checked ?? element.getAttribute("aria-checked") === "true";
  const plain = (element) => visible(element) && !aside(element);
  const switches = (layer) =>
    all.filter((e) => e !== layer && e.matches(SWITCH) && inLayer(e) === layer && visible(e));
  /** What a visitor would notice a change of, as text to compare. */
  const state = () =>
    JSON.stringify([
      layers.map((layer) => [layerNumber(layer), switches(layer).length]),
      controls.map((element) => [
        ...[role(element), name(element), plain(element) && !disabled(element)],
        layers.indexOf(inLayer(element)),
      ]),
    ]);
  /** Whether something of the banner outside every layer can be pressed, such as the way back. */
  const loose = () => controls.some((e) => !inLayer(e) && plain(e) && !disabled(e));
  return {
    ...{ FAINT, MARKED, PRESSABLE, all, controls, layers },
    ...{
      clean,
      deep,
      hit,
      inLayer,
      layerNumber,
      name,
      once,
      opacity,
      parent,
      role,
      visible,
      within,
    },
    ...{ checked, disabled, loose, plain, state, switches },
  };
};
