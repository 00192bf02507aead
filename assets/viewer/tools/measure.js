// @ts-check
/**
 * Numbers of a measurement, as pure functions. Lengths and areas are in millimetres where the spacing is known, else in
 * pixels; gray values are those after slope and intercept.
 *
 * @typedef {import("./types.js").Kind} Kind
 * @typedef {import("./types.js").Measurement} Measurement
 * @typedef {import("./types.js").Picture} Picture
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").Spacing} Spacing
 */

import { decimals, t } from "../../t.js";

/** Points that define each kind of measurement. @type {Readonly<Record<Kind, number>>} */
export const POINTS = { length: 2, angle: 3, ellipse: 2, probe: 1 };

/**
 * Distance of two points: millimetres, or pixels without spacing.
 * @param {Point} a @param {Point} b @param {Spacing | null} spacing
 */
export function distance(a, b, spacing) {
  const [down, along] = spacing ?? [1, 1];
  return Math.hypot((b.x - a.x) * along, (b.y - a.y) * down);
}

/**
 * Angle at a vertex between two points, 0 to 180 degrees; 0 if one of them is the vertex itself.
 * @param {Point} a @param {Point} vertex @param {Point} b @param {Spacing | null} spacing
 */
export function angle(a, vertex, b, spacing) {
  const [down, along] = spacing ?? [1, 1];
  const [ax, ay] = [(a.x - vertex.x) * along, (a.y - vertex.y) * down];
  const [bx, by] = [(b.x - vertex.x) * along, (b.y - vertex.y) * down];
  // Adding 0 makes 0 of -0, whose angle to another 0 would be 180 degrees.
  return Math.abs((Math.atan2(ax * by - ay * bx, ax * bx + ay * by + 0) * 180) / Math.PI);
}

/**
 * Area of an ellipse, and mean, standard deviation (of the population), least and largest value of the pixels whose
 * centres are inside it.
 * @param {Point} a a corner of its box
 * @param {Point} b the opposite corner
 * @param {Picture} image
 * @returns {Record<string, number>}
 */
export function ellipse(a, b, image) {
  const [down, along] = image.spacing ?? [1, 1];
  const centre = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  const [across, up] = [Math.abs(b.x - a.x) / 2, Math.abs(b.y - a.y) / 2];
  const area = Math.PI * across * along * up * down;
  /** @type {Record<string, number>} */
  const values = { [image.spacing ? "mm2" : "px2"]: area };
  let [pixels, mean, squares, least, most] = [0, 0, 0, Infinity, -Infinity];
  const bottom = Math.min(image.rows, Math.ceil(centre.y + up));
  const right = Math.min(image.columns, Math.ceil(centre.x + across));
  for (let y = Math.max(0, Math.floor(centre.y - up)); y < bottom; y++) {
    for (let x = Math.max(0, Math.floor(centre.x - across)); x < right; x++) {
      if (((x + 0.5 - centre.x) / across) ** 2 + ((y + 0.5 - centre.y) / up) ** 2 > 1) continue;
      const value = valueAt(image, x, y);
      pixels += 1; // mean and squares after Welford: exact for large values with a small spread
      const step = value - mean;
      mean += step / pixels;
      squares += step * (value - mean);
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
  }
  if (pixels) Object.assign(values, { pixels, mean, sd: Math.sqrt(squares / pixels), min: least, max: most });
  return values;
}

/**
 * The numbers of a measurement.
 * @param {Kind} kind @param {Point[]} points @param {Picture} image
 * @returns {Record<string, number>}
 */
export function measured(kind, points, image) {
  const [a, b, c] = points;
  if (kind === "probe") {
    const [x, y] = [Math.floor(a.x), Math.floor(a.y)];
    const inside = x >= 0 && y >= 0 && x < image.columns && y < image.rows;
    return inside ? { value: valueAt(image, x, y), stored: Number(image.values[y * image.columns + x]) } : {};
  }
  if (kind === "length") return { [image.spacing ? "mm" : "px"]: distance(a, b, image.spacing) };
  if (kind === "angle") return { degrees: angle(a, b, c, image.spacing) };
  return ellipse(a, b, image);
}

/**
 * What is written beside a measurement, line by line.
 * @param {Pick<Measurement, "kind" | "values" | "unit">} measurement
 * @returns {string[]}
 */
export function described({ kind, values, unit }) {
  const gray = unit ? ` ${unit}` : "";
  if (kind === "length") return ["mm" in values ? `${shown(values.mm)} mm` : `${shown(values.px)} px`];
  if (kind === "angle") return [`${shown(values.degrees)}°`];
  if (kind === "probe") {
    if (!("value" in values)) return [t("outside the picture")];
    const stored = values.stored === values.value ? "" : ` (${t("stored {value}", { value: shown(values.stored) })})`;
    return [`${shown(values.value)}${gray}${stored}`];
  }
  const area = "mm2" in values ? `${shown(values.mm2)} mm²` : `${shown(values.px2)} px²`;
  if (!("mean" in values)) return [area];
  const spread = t("{low} to {high}", { low: shown(values.min), high: shown(values.max) });
  return [`${t("Mean")} ${shown(values.mean)}${gray}  ${t("SD")} ${shown(values.sd)}`, `${spread}  ${area}`];
}

/** A number with about four digits, and no more than two after the point. @param {number} value */
function shown(value) {
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 1000 ? 0 : size >= 10 ? 1 : 2;
  return decimals(value, digits);
}

/** @param {Picture} image @param {number} x @param {number} y */
function valueAt(image, x, y) {
  return Number(image.values[y * image.columns + x]) * image.slope + image.intercept;
}
