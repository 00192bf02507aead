// @ts-check
/** Heat maps as colours and masks as lines. */
import { sample } from "./volume.js";

/** @typedef {import("./types.js").Field} Field */

/** Inferno, of matplotlib: colours at equal steps from 0 to 1. */
const INFERNO = ["#000004", "#1b0c41", "#4a0c6b", "#781c6d", "#a52c60", "#cf4446", "#ed6925", "#fb9b06", "#f7d13d", "#fcffa4"];
/** Side of a heat map on the screen, in cells: so that values between those of the network are colours between. */
const FINE = 160;
const HALF = 127.5;
export const EDGE = "#40e0ff";

/** @returns {Uint32Array} Pixels of 256 steps, the stronger the more opaque. */
function table() {
  const colours = new Uint8ClampedArray(1024);
  const parts = INFERNO.map((hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)));
  for (let step = 0; step < 256; step++) {
    const place = (step / 255) * (parts.length - 1);
    const low = Math.min(Math.floor(place), parts.length - 2);
    for (let channel = 0; channel < 3; channel++) {
      colours[4 * step + channel] = parts[low][channel] + (place - low) * (parts[low + 1][channel] - parts[low][channel]);
    }
    colours[4 * step + 3] = 255 * Math.sqrt(step / 255);
  }
  return new Uint32Array(colours.buffer);
}

const COLOURS = table();
/** @type {WeakMap<Field, HTMLCanvasElement>} */
const heats = new WeakMap();
/** @type {WeakMap<Field, Path2D>} */
const lines = new WeakMap();

/** @returns {string} The colours from 0 to 1, as a CSS gradient. */
export function gradient() {
  return `linear-gradient(90deg, ${INFERNO.join(", ")})`;
}

/**
 * Lay a heat map over a picture; the context is in pixels of the slice. Zero is transparent, the strongest most opaque.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Field} field
 * @param {number} opacity 0 to 1.
 */
export function paintHeat(context, field, opacity) {
  context.globalAlpha = opacity;
  context.drawImage(heatOf(field), field.left, field.top, field.width, field.height);
}

/** @param {Field} field @returns {HTMLCanvasElement} */
function heatOf(field) {
  let canvas = heats.get(field);
  if (!canvas) heats.set(field, (canvas = coloured(field)));
  return canvas;
}

/** @param {Field} field @returns {Path2D} */
function lineOf(field) {
  let path = lines.get(field);
  if (!path) lines.set(field, (path = contour(field)));
  return path;
}

/**
 * Make what a layer is drawn with while nothing else is to be done, so that its slice is shown without delay.
 *
 * @param {import("./types.js").Layer} layer
 */
export function prepare({ map, outline }) {
  const when = window.requestIdleCallback ?? setTimeout;
  when(() => {
    heatOf(map);
    if (outline) lineOf(outline);
  });
}

/**
 * Draw the edge of a mask; the context is in pixels of the screen.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Field} field
 * @param {DOMMatrix} matrix From pixels of the slice to those of the screen.
 */
export function paintOutline(context, field, matrix) {
  const shown = new Path2D();
  const cells = new DOMMatrix().translateSelf(field.left, field.top);
  cells.scaleSelf(field.width / field.columns, field.height / field.rows).translateSelf(0.5, 0.5);
  shown.addPath(lineOf(field), matrix.multiply(cells));
  context.lineWidth = 1.5;
  context.strokeStyle = EDGE;
  context.stroke(shown);
}

/** @param {Field} field @returns {HTMLCanvasElement} */
function coloured(field) {
  const columns = Math.max(field.columns, FINE);
  const rows = Math.max(field.rows, FINE);
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const data = context.createImageData(columns, rows);
  const pixels = new Uint32Array(data.data.buffer);
  const whole = { ...field, left: 0, top: 0, width: columns, height: rows };
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) pixels[at] = COLOURS[Math.round(sample(whole, column + 0.5, row + 0.5))];
  }
  context.putImageData(data, 0, 0);
  return canvas;
}

/**
 * Return the line along which a mask is one half, between the centres of its cells (marching squares).
 *
 * @param {Field} field
 * @returns {Path2D} In cells, from the centre of the first one.
 */
function contour({ rows, columns, values }) {
  const path = new Path2D();
  /** @param {number} x @param {number} y */
  const at = (x, y) => (x < 0 || y < 0 || x >= columns || y >= rows ? 0 : values[y * columns + x]);
  for (let y = -1; y < rows; y++) {
    for (let x = -1, right = 0, lower = 0; x < columns; x++) {
      const [left, under] = [right, lower]; // the right corners of one cell are the left ones of the next
      right = at(x + 1, y);
      lower = at(x + 1, y + 1);
      const above = left > HALF;
      if (right > HALF === above && lower > HALF === above && under > HALF === above) continue;
      const corners = [left, right, lower, under];
      const inside = corners.map((value) => value > HALF);
      /** @type {number[][]} */
      const crossed = [];
      for (let side = 0; side < 4; side++) {
        const [one, other] = [corners[side], corners[(side + 1) % 4]];
        if (inside[side] === inside[(side + 1) % 4]) continue;
        const part = (HALF - one) / (other - one);
        crossed.push([[x + part, y], [x + 1, y + part], [x + 1 - part, y + 1], [x, y + 1 - part]][side]);
      }
      for (let pair = 0; pair + 1 < crossed.length; pair += 2) {
        path.moveTo(crossed[pair][0], crossed[pair][1]);
        path.lineTo(crossed[pair + 1][0], crossed[pair + 1][1]);
      }
    }
  }
  return path;
}
