// @ts-check
/**
 * The marks on the overlay, at any zoom, turn and flip of the viewport. Lines and labels have a dark rim, so that they
 * stay readable on black and on white.
 *
 * @typedef {import("./label.js").Labels} Labels
 * @typedef {import("./types.js").Bitmap} Bitmap
 * @typedef {import("./types.js").Measurement} Measurement
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").Viewport} Viewport
 */
import { t } from "../../t.js";
import { unpacked } from "./brush.js";
import { LINE_HEIGHT } from "./label.js";
import { described } from "./measure.js";

const COLOUR = "#ffd54a";
const ACTIVE = "#ffffff";
const OUTLINE = "#ff6fae";
const FILL = [255, 111, 174, 70];
/** Marks of other readers. */
const THEIRS = "#7de3a0";
const RIM = "rgba(0, 0, 0, 0.85)";
/** Pixels from the left edge to what is written there. */
const LEFT = 8;
/** Pixels from one point of a line to the next, where labels keep off it. */
const STEP = 6;

/** @type {WeakMap<object, {fill: HTMLCanvasElement, edge: Path2D}>} */
const drawn = new WeakMap();

/**
 * Draw a mask: a light fill below its edge, which follows the borders of the pixels.
 * @param {CanvasRenderingContext2D} ctx @param {Viewport} viewport
 * @param {() => Bitmap} bitmap gives the mask, unless its drawing is remembered
 * @param {object | null} key what the drawing is remembered by; null while the mask changes
 * @param {string} [colour] of its edge; in that of other readers, nothing is filled
 */
export function drawMask(ctx, viewport, bitmap, key, colour = OUTLINE) {
  const picture = (key && drawn.get(key)) || pictureOf(bitmap());
  if (key) drawn.set(key, picture);
  const place = placement(viewport);
  ctx.save();
  ctx.imageSmoothingEnabled = false;
  ctx.transform(place.a, place.b, place.c, place.d, place.e, place.f);
  if (colour === OUTLINE) ctx.drawImage(picture.fill, 0, 0);
  ctx.restore();
  const edge = new Path2D();
  edge.addPath(picture.edge, place);
  rimmed(ctx, edge, colour);
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {Viewport} viewport
 * @param {Pick<Measurement, "kind" | "points" | "values" | "unit">} one
 * @param {boolean} active
 * @param {Labels} labels takes its label, which is written when all is drawn
 * @param {string} [own] colour of its reader
 */
export function drawMeasurement(ctx, viewport, one, active, labels, own = COLOUR) {
  const points = one.points.map(([x, y]) => viewport.toScreen({ x, y }));
  const path = new Path2D();
  if (one.kind === "ellipse") {
    const round = ellipsePath(one.points);
    path.addPath(round, placement(viewport));
  } else if (one.kind === "probe") {
    cross(path, points[0]);
  } else {
    points.forEach(({ x, y }, at) => (at ? path.lineTo(x, y) : path.moveTo(x, y)));
  }
  rimmed(ctx, path, active ? ACTIVE : own);
  if (one.kind !== "probe") {
    const ends = new Path2D();
    for (const { x, y } of points) {
      ends.moveTo(x + 3.5, y);
      ends.arc(x, y, 3.5, 0, 2 * Math.PI);
    }
    rimmed(ctx, ends, active ? ACTIVE : own);
  }
  labels.add({ kind: one.kind, points: sides(one.kind, points), line: alongLine(one.kind, points) }, described(one), own);
}

/**
 * The circle that the brush covers.
 * @param {CanvasRenderingContext2D} ctx @param {Viewport} viewport
 * @param {Point} at in the image
 * @param {number} wide @param {number} high radii in image pixels
 */
export function drawBrush(ctx, viewport, at, wide, high) {
  const path = new Path2D();
  path.addPath(ellipsePath([[at.x - wide, at.y - high], [at.x + wide, at.y + high]]), placement(viewport));
  rimmed(ctx, path, ACTIVE);
}

/** @param {CanvasRenderingContext2D} ctx @param {Viewport} viewport @param {Point[]} line in the image */
export function drawLine(ctx, viewport, line) {
  const path = new Path2D();
  line.map(viewport.toScreen).forEach(({ x, y }, at) => (at ? path.lineTo(x, y) : path.moveTo(x, y)));
  rimmed(ctx, path, OUTLINE);
}

/** Say that the slice is a key image, below what is written at the upper left. @param {CanvasRenderingContext2D} ctx @param {Viewport} viewport @param {Labels} labels */
export function drawKey(ctx, viewport, labels) {
  labels.write(ctx, [`★ ${t("Key image")}`], { x: LEFT, y: viewport.below ?? 0 }, COLOUR);
}

/**
 * What another reader marked on a slice: dashed, in a colour of its own, with the name.
 * @param {CanvasRenderingContext2D} ctx @param {Viewport} viewport
 * @param {import("./types.js").Content} content
 * @param {string} reader
 * @param {string} marker of the slice
 * @param {Labels} labels
 * @param {number} line where the name stands, below those of others
 * @returns {boolean} whether there is anything on it
 */
export function drawTheirs(ctx, viewport, { measurements, masks, keys }, reader, marker, labels, line) {
  const here = measurements.filter((one) => one.marker === marker);
  const mask = masks[marker];
  const outlined = mask && mask.runs.length > 1;
  const isKey = keys.includes(marker);
  if (!here.length && !outlined && !isKey) return false;
  ctx.save();
  ctx.setLineDash([6, 4]);
  if (outlined) drawMask(ctx, viewport, () => unpacked(mask), mask, THEIRS);
  for (const one of here) drawMeasurement(ctx, viewport, one, false, labels, THEIRS);
  ctx.setLineDash([]);
  const said = isKey ? `★ ${t("Key image of {reader}", { reader })}` : t("Marks of {reader}", { reader });
  labels.write(ctx, [said], { x: LEFT, y: (viewport.below ?? 0) + LINE_HEIGHT * (line + 1) }, THEIRS);
  ctx.restore();
  return true;
}

/** Image pixels to CSS pixels of the overlay. @param {Viewport} viewport */
function placement(viewport) {
  const [zero, right, below] = [viewport.toScreen({ x: 0, y: 0 }), viewport.toScreen({ x: 1, y: 0 }), viewport.toScreen({ x: 0, y: 1 })];
  return new DOMMatrix([right.x - zero.x, right.y - zero.y, below.x - zero.x, below.y - zero.y, zero.x, zero.y]);
}

/** @param {CanvasRenderingContext2D} ctx @param {Path2D} path @param {string} colour */
function rimmed(ctx, path, colour) {
  ctx.lineJoin = ctx.lineCap = "round";
  ctx.strokeStyle = RIM;
  ctx.lineWidth = 3.5;
  ctx.stroke(path);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.6;
  ctx.stroke(path);
}

/** Where the middles of the sides of an ellipse lie; of all else, its points. @param {string} kind @param {Point[]} points */
function sides(kind, points) {
  if (kind !== "ellipse") return points;
  const [one, other] = points;
  const [x, y] = [(one.x + other.x) / 2, (one.y + other.y) / 2];
  return [{ x: one.x, y }, { x: other.x, y }, { x, y: one.y }, { x, y: other.y }];
}

/** Points along what is drawn, a few pixels apart. @param {string} kind @param {Point[]} points @returns {Point[]} */
function alongLine(kind, points) {
  if (kind !== "ellipse") return points.flatMap((point, at) => (at ? between(points[at - 1], point) : [point]));
  const [one, other] = points;
  const [x, y, wide, high] = [(one.x + other.x) / 2, (one.y + other.y) / 2, (other.x - one.x) / 2, (other.y - one.y) / 2];
  const count = Math.ceil((7 * Math.max(Math.abs(wide), Math.abs(high))) / STEP);
  const turns = Array.from({ length: count }, (_, at) => (2 * Math.PI * at) / count);
  return turns.map((turn) => ({ x: x + wide * Math.cos(turn), y: y + high * Math.sin(turn) }));
}

/** @param {Point} from @param {Point} to @returns {Point[]} */
function between(from, to) {
  const count = Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / STEP);
  const shares = Array.from({ length: count }, (_, at) => (at + 1) / count);
  return shares.map((share) => ({ x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) }));
}

/** @param {[number, number][]} corners */
function ellipsePath([[ax, ay], [bx, by]]) {
  const path = new Path2D();
  path.ellipse((ax + bx) / 2, (ay + by) / 2, Math.abs(bx - ax) / 2, Math.abs(by - ay) / 2, 0, 0, 2 * Math.PI);
  return path;
}

/** @param {Path2D} path @param {Point} at */
function cross(path, { x, y }) {
  path.moveTo(x - 7, y);
  path.lineTo(x + 7, y);
  path.moveTo(x, y - 7);
  path.lineTo(x, y + 7);
}

/** @param {Bitmap} bitmap */
function pictureOf(bitmap) {
  return { fill: fillOf(bitmap), edge: edgeOf(bitmap) };
}

/** @param {Bitmap} bitmap */
function fillOf({ bits, rows, columns }) {
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const picture = new ImageData(columns, rows);
  const pixels = new Uint32Array(picture.data.buffer);
  const [colour] = new Uint32Array(Uint8Array.from(FILL).buffer);
  for (let at = 0; at < bits.length; at++) if (bits[at]) pixels[at] = colour;
  canvas.getContext("2d")?.putImageData(picture, 0, 0);
  return canvas;
}

/** Borders between pixels inside and outside, in lines as long as they are straight. @param {Bitmap} bitmap */
function edgeOf({ bits, rows, columns }) {
  const path = new Path2D();
  for (let y = 0; y <= rows; y++) {
    let start = -1;
    for (let x = 0; x <= columns; x++) {
      const above = y > 0 && x < columns ? bits[(y - 1) * columns + x] : 0;
      const below = y < rows && x < columns ? bits[y * columns + x] : 0;
      if (above !== below && start < 0) start = x;
      if (above !== below || start < 0) continue;
      path.moveTo(start, y);
      path.lineTo(x, y);
      start = -1;
    }
  }
  for (let x = 0; x <= columns; x++) {
    let start = -1;
    for (let y = 0; y <= rows; y++) {
      const before = x > 0 && y < rows ? bits[y * columns + x - 1] : 0;
      const after = x < columns && y < rows ? bits[y * columns + x] : 0;
      if (before !== after && start < 0) start = y;
      if (before !== after || start < 0) continue;
      path.moveTo(x, start);
      path.lineTo(x, y);
      start = -1;
    }
  }
  return path;
}
