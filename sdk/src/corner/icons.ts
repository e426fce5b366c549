const SVG = "http://www.w3.org/2000/svg";

/** One drawn path: its outline, its fill, and the colour of its stroke if it has one. */
type Path = readonly [d: string, fill: string, stroke?: string];

function draw(viewBox: string, paths: readonly Path[]): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("aria-hidden", "true");
  for (const [d, fill, stroke = "none"] of paths) {
    const path = document.createElementNS(SVG, "path");
    for (const [name, value] of Object.entries({ d, fill, stroke })) path.setAttribute(name, value);
    svg.append(path);
  }
  return svg;
}

/**
 * The opt-out icon of 11 CCR § 7015(b), in its official blue and white, whatever the theme:
 * a pill, its blue half, the tick, the cross. Width and ends of the strokes are in banner.css.
 */
export function optOutIcon(): SVGSVGElement {
  return draw("0 0 30 14", [
    ["M7.4.6h15.2a6.4 6.4 0 0 1 0 12.8H7.4A6.4 6.4 0 0 1 7.4.6z", "#fff", "#06f"],
    ["M17.3 1.2h5.3a5.8 5.8 0 0 1 0 11.6h-8.4z", "#06f"],
    ["M5.8 7.3 8.2 9.4 12.3 4.5", "none", "#06f"],
    ["M19 4.4 24.2 9.6M24.2 4.4 19 9.6", "none", "#fff"],
  ]);
}

/** Two sliders: settings. Takes the colour of the text beside it. */
export function settingsIcon(): SVGSVGElement {
  return draw("0 0 20 20", [
    [
      "M2 6h8M2 14h2M10 14h8M16 6h2M10 6a3 3 0 1 0 6 0 3 3 0 0 0-6 0M4 14a3 3 0 1 0 6 0 3 3 0 0 0-6 0",
      "none",
      "currentColor",
    ],
  ]);
}

/** An arrow that turns back: to withdraw. Takes the colour of the text beside it. */
export function withdrawIcon(): SVGSVGElement {
  return draw("0 0 20 20", [
    ["M7 3 3 7l4 4M3 7h8.5a4.75 4.75 0 0 1 0 9.5H6", "none", "currentColor"],
  ]);
}
