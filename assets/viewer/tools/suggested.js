// @ts-check
/**
 * The outline of the AI as a mask that a reader goes on with.
 *
 * @typedef {import("../types.js").Field} Field
 * @typedef {import("./types.js").Mask} Mask
 */
import { sample } from "../volume.js";
import { blank, packed } from "./brush.js";

/** Where the edge lies, as the viewer draws it: half of the largest value. */
const HALF = 127.5;

/**
 * @param {Field | null} field probabilities over a part of the slice
 * @param {{rows: number, columns: number}} slice
 * @param {string} origin name of the model
 * @returns {Mask} the pixels whose centres are inside the line that the viewer draws
 */
export function maskOf(field, { rows, columns }, origin) {
  const bitmap = blank(rows, columns);
  if (!field) return packed(bitmap);
  const [top, left] = [Math.max(0, Math.floor(field.top)), Math.max(0, Math.floor(field.left))];
  const [bottom, right] = [Math.min(rows, field.top + field.height), Math.min(columns, field.left + field.width)];
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      if (sample(field, column + 0.5, row + 0.5) > HALF) bitmap.bits[row * columns + column] = 1;
    }
  }
  return packed(bitmap, origin);
}
