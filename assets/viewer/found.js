// @ts-check
/** Where the crosshair of three planes begins: at what the reader, or else the AI, found. */
import { isEmpty } from "./notes.js";
import { unpacked } from "./tools/brush.js";
import { maskOf } from "./tools/suggested.js";

/** @typedef {import("./pane.js").Pane} Pane */
/** A point of an acquired slice, in its pixels. @typedef {{at: number, x: number, y: number}} Place */

/**
 * The point that was clicked last on the slice that is shown; else the middle of the outline on it, or else the
 * strongest evidence; else the same of the AI's slice.
 *
 * @param {import("./main.js").App} app
 * @param {Pane} pane
 * @returns {Place | null} Null if nothing was found.
 */
export function found(app, pane) {
  const { source, series, at, cut } = pane;
  const { pointed } = app;
  if (!cut && pointed?.source === source && pointed.series === series && pointed.at === at) return pointed;
  const [number, most] = source.head.suspicious ?? [];
  const slices = [...(cut ? [] : [at]), ...(number === pane.head.number && most !== undefined ? [most] : [])];
  for (const slice of slices) {
    const place = outlined(app, pane, slice) ?? strongest(app, pane, slice);
    if (place) return { at: slice, ...place };
  }
  return null;
}

/** @param {import("./main.js").App} app @param {Pane} pane @param {number} at */
function outlined(app, pane, at) {
  const slice = pane.head.slices[at];
  const own = pane.source === app.main ? app.tools?.marks.content.masks[slice.marker] : null;
  const outline = layer(app, pane, at)?.outline;
  const mask = own ?? (outline && maskOf(outline, slice, ""));
  if (!mask) return null;
  const { bits, columns } = unpacked(mask);
  let [count, x, y] = [0, 0, 0];
  bits.forEach((/** @type {number} */ bit, /** @type {number} */ pixel) => {
    if (!bit) return;
    count += 1;
    x += (pixel % columns) + 0.5;
    y += Math.floor(pixel / columns) + 0.5;
  });
  return count ? { x: x / count, y: y / count } : null;
}

/** @param {import("./main.js").App} app @param {Pane} pane @param {number} at */
function strongest(app, pane, at) {
  const one = layer(app, pane, at);
  if (!one || isEmpty(one, app.settings)) return null;
  const { values, rows, columns, left, top, width, height } = one.map;
  const peak = values.indexOf(Math.max(...values));
  return { x: left + (((peak % columns) + 0.5) * width) / columns, y: top + ((Math.floor(peak / columns) + 0.5) * height) / rows };
}

/** @param {import("./main.js").App} app @param {Pane} pane @param {number} at */
function layer({ settings }, { source, series }, at) {
  return source.head.answer ? source.layers.get(series, at, settings) : undefined; // a blind reader sees none
}
