// @ts-check
/** What stands around the picture: letters of orientation, numbers, scale bar, crosshair, progress. */

import { decimals, locale, t } from "../t.js";

/** @typedef {import("./pane.js").Pane} Pane */

const FONT = "12px system-ui, sans-serif";
const LETTERS = "600 15px system-ui, sans-serif";
/** Width of the border in which letters stand beside the picture, and their font there. */
export const BORDER = 15;
const IN_BORDER = "600 12px system-ui, sans-serif";
const TEXT = "#dce6f0";
/** Colour that says that this is another study. */
const OTHER = "#ffb347";
const RIM = "rgb(0 0 0 / 80%)";
const BEHIND = "rgb(0 0 0 / 65%)";
const MARGIN = 8;
const LINE = 16;
/** Width below which all numbers stand at the left. */
const NARROW = 300;
/** Lengths of the scale bar in millimetres, and the largest share of the width that it takes. */
const LENGTHS = [100, 50, 20, 10, 5, 2, 1];
const MAX_BAR = 0.3;

/**
 * Return the letters at the left, right, upper and lower edge of a picture that is turned and flipped.
 *
 * @param {import("./types.js").Edges} edges
 * @param {{turn: number, flipAcross: boolean, flipDown: boolean}} view
 * @returns {import("./types.js").Edges}
 */
export function turned([left, right, upper, lower], { turn, flipAcross, flipDown }) {
  let around = [left, upper, right, lower]; // clockwise
  for (let quarter = 0; quarter < turn % 4; quarter++) around = [around[3], around[0], around[1], around[2]];
  if (flipAcross) around = [around[2], around[1], around[0], around[3]];
  if (flipDown) around = [around[0], around[3], around[2], around[1]];
  return [around[0], around[2], around[1], around[3]];
}

const WHOLE = new Intl.NumberFormat(locale, { maximumFractionDigits: 0, useGrouping: false });
const THREE = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3, useGrouping: false });

/** @param {number} value @returns {string} A number as short as it can be read. */
export function short(value) {
  return (Math.abs(value) >= 100 ? WHOLE : THREE).format(value);
}

/**
 * Draw all of it.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Pane} pane
 * @param {string[]} notes Lines at the lower left, the last one lowest.
 * @returns {import("./tools/label.js").Box | null} Where the notes stand.
 */
export function corners(context, pane, notes) {
  const { viewport, head, slice, cut } = pane;
  const [width, height] = viewport.size;
  context.fillStyle = TEXT;
  // Letters have a dark rim: they stay readable on bone and fat.
  context.strokeStyle = RIM;
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.font = FONT;
  const [centre, breadth] = pane.window;
  const unit = slice.unit && ` ${slice.unit}`;
  const narrow = width < NARROW;
  const small = narrow && cut !== null; // beside the acquired plane, which says the rest
  const plane = t(pane.plane ?? "");
  const said = cut ? (narrow ? plane : t("{plane}, reformatted", { plane })) : head.label;
  const { zoom, inverted } = viewport.view;
  const numbers = [`${t("W {width} L {level}", { width: short(breadth), level: short(centre) })}${unit}`, `Zoom ${decimals(zoom, 2)}×`, ...(inverted ? [t("inverted")] : [])];
  const left = [shortened(context, said, width / 2 - 3 * MARGIN), `${pane.at + 1} / ${pane.count}${position(pane)}`];
  if (pane.source.other) {
    context.fillStyle = OTHER;
    text(context, [pane.source.other], MARGIN, below(pane) - LINE, "left");
    context.fillStyle = TEXT;
  }
  text(context, narrow && !small ? [...left, ...numbers] : left, MARGIN, MARGIN, "left");
  if (!narrow) text(context, numbers, width - MARGIN, MARGIN, "right");
  const lines = (small ? [] : notes).flatMap((note) => wrapped(context, note, width - 2 * MARGIN));
  const lowest = height - MARGIN - (lines.length + 2) * LINE; // above letter and scale bar
  const noted = darken(context, lines, MARGIN, lowest);
  text(context, lines, MARGIN, lowest, "left");
  const edges = cut?.edges ?? slice.edges;
  if (edges) letters(context, turned(edges, viewport.view), viewport);
  scaleBar(context, pane, width, height);
  progress(context, pane, width, height);
  return noted;
}

/** @param {Pane} pane @returns {number} Lower edge of the lines at the upper left. */
export function below({ viewport, cut, source }) {
  const numbers = viewport.size[0] < NARROW && !cut ? (viewport.view.inverted ? 3 : 2) : 0;
  return MARGIN + LINE * (2 + numbers + (source.other ? 1 : 0));
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} line
 * @param {number} width
 * @returns {string} As much of the line as there is room for.
 */
function shortened(context, line, width) {
  let shown = line;
  while (shown && context.measureText(`${shown}…`).width > width) shown = shown.slice(0, -1);
  return context.measureText(line).width > width ? `${shown}…` : line;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} line
 * @param {number} width
 * @returns {string[]} The line in as many as it takes.
 */
function wrapped(context, line, width) {
  /** @type {string[]} */
  const lines = [];
  for (const word of line.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** @param {Pane} pane @returns {string} Where the slice lies, in millimetres. */
function position({ cut, slice, at }) {
  const height = cut ? cut.first + at * cut.step : slice.height;
  return height === null ? "" : ` · ${decimals(height, 1)} mm`;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string[]} lines
 * @param {number} x
 * @param {number} y
 * @param {CanvasTextAlign} align
 */
function text(context, lines, x, y, align) {
  context.textAlign = align;
  context.textBaseline = "top";
  lines.forEach((line, number) => rimmed(context, line, x, y + number * LINE));
}

/**
 * Darken what lies behind lines of text: a rim is too little for sentences on a bright picture or a heat map.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {string[]} lines
 * @param {number} x
 * @param {number} y
 * @returns {import("./tools/label.js").Box | null} What is dark now.
 */
function darken(context, lines, x, y) {
  if (!lines.length) return null;
  const width = Math.max(...lines.map((line) => context.measureText(line).width));
  const box = { left: x - 4, top: y - 4, right: x + width + 4, bottom: y + lines.length * LINE + 1 };
  context.fillStyle = BEHIND;
  context.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  context.fillStyle = TEXT;
  return box;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} said
 * @param {number} x
 * @param {number} y
 */
function rimmed(context, said, x, y) {
  context.strokeText(said, x, y);
  context.fillText(said, x, y);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./types.js").Edges} edges
 * @param {import("./viewport.js").Viewport} viewport
 */
function letters(context, [left, right, upper, lower], { size: [width, height], border }) {
  context.font = border ? IN_BORDER : LETTERS;
  context.textBaseline = "middle";
  const [aside, above] = border ? [3, border / 2] : [MARGIN, MARGIN + LINE / 2];
  context.textAlign = "left";
  rimmed(context, left, aside, height / 2);
  context.textAlign = "right";
  rimmed(context, right, width - aside, height / 2);
  context.textAlign = "center";
  rimmed(context, upper, width / 2, above);
  rimmed(context, lower, width / 2, height - above);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Pane} pane
 * @param {number} width
 * @param {number} height
 */
function scaleBar(context, { viewport }, width, height) {
  const { image } = viewport;
  if (!image?.spacing) return;
  const millimetre = viewport.scale / image.spacing[1];
  const length = LENGTHS.find((one) => one * millimetre <= width * MAX_BAR) ?? 1;
  const [right, bottom] = [width - MARGIN, height - MARGIN - 2];
  const left = right - length * millimetre;
  context.font = FONT;
  context.textAlign = "right";
  context.textBaseline = "bottom";
  rimmed(context, `${length} mm`, right, bottom - 8);
  context.strokeStyle = TEXT;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(left, bottom - 6);
  context.lineTo(left, bottom);
  context.lineTo(right, bottom);
  context.lineTo(right, bottom - 6);
  context.stroke();
}

/**
 * A thin line says how much of the series is here; the number of a slice that is not yet stands in the middle.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Pane} pane
 * @param {number} width
 * @param {number} height
 */
function progress(context, pane, width, height) {
  const { loader } = pane.source;
  const loaded = loader.loaded(pane.series) / pane.head.slices.length;
  if (loaded < 1) {
    context.fillStyle = "#3d8fd6";
    context.fillRect(0, height - 2, width * loaded, 2);
  }
  if (pane.viewport.image && !loader.error) return;
  context.font = LETTERS;
  context.fillStyle = TEXT;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(loader.error || t("Slice {at} is on its way …", { at: pane.at + 1 }), width / 2, height / 2, width - 4 * MARGIN);
}

/**
 * Draw the lines where other planes cross this one.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import("./viewport.js").Viewport} viewport
 * @param {{x: number, y: number}} point In pixels of the picture.
 */
export function crosshair(context, viewport, { x, y }) {
  const { image } = viewport;
  if (!image) return;
  context.strokeStyle = "rgb(255 209 102 / 70%)";
  context.lineWidth = 1;
  const lines = [
    [{ x: 0, y }, { x: image.columns, y }],
    [{ x, y: 0 }, { x, y: image.rows }],
  ];
  context.beginPath();
  for (const [from, to] of lines) {
    const [start, end] = [viewport.toScreen(from), viewport.toScreen(to)];
    context.moveTo(start.x, start.y);
    context.lineTo(end.x, end.y);
  }
  context.stroke();
}
