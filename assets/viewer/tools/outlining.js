// @ts-check
/**
 * Correcting the outline with the pointer: brush and eraser, a closed line that is filled, and holes that are filled. A
 * slice without an outline of the reader begins with that of the AI, if that one is on the screen; but a line that is
 * drawn around the lesion takes its place, as long as the reader has corrected nothing.
 *
 * @typedef {import("./types.js").Bitmap} Bitmap
 * @typedef {import("./types.js").Gesture} Gesture
 * @typedef {import("./types.js").Mask} Mask
 * @typedef {import("./types.js").Picture} Picture
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").Viewport} Viewport
 * @typedef {import("./marks.js").Marks} Marks
 */
import { decimals, t } from "../../t.js";
import { between } from "./between.js";
import { blank, fillHole, fillLine, isEmpty, packed, paint, unpacked } from "./brush.js";

/** @typedef {"brush" | "eraser" | "lasso" | "fill"} Way */
const SIZES = { least: 1, most: 60 };
const BEGAN = t("Begun with the AI's outline: correct it. Ctrl+Z takes it back.");
const REPLACED = t("Your line took the place of the AI's outline on this slice; more lines add to it. Ctrl+Z takes it back.");
const NOTHING_NEW = t("The AI outlined no slice here that you have not outlined yourself.");

/** @implements {Gesture} */
export class Outlining {
  /** Diameter of the brush: millimetres, or pixels without spacing. */
  size = 8;
  /** Where the pointer is, to draw the brush there. @type {Point | null} */
  at = null;
  /** The line of the lasso so far. @type {Point[]} */
  line = [];
  /** The mask that is being painted. @type {Bitmap | null} */
  live = null;
  #marker = "";
  /** What the mask was when the gesture began. @type {Mask | null} */
  #began = null;

  /**
   * @param {Viewport} viewport @param {Marks} marks
   * @param {() => Way | null} way the tool in hand
   * @param {() => Mask | null} suggested the outline of the AI that is on the screen
   * @param {(masks: Record<string, Mask>, message?: string) => void} done takes the masks of a finished gesture
   */
  constructor(viewport, marks, way, suggested, done) {
    this.viewport = viewport;
    this.marks = marks;
    this.way = way;
    this.suggested = suggested;
    this.done = done;
  }

  /** @param {number} factor @returns {string} The size that the brush has now. */
  resize(factor) {
    this.size = Math.min(SIZES.most, Math.max(SIZES.least, this.size * factor));
    const size = decimals(this.size, 1);
    return this.viewport.image?.spacing ? t("Brush: {size} mm", { size }) : t("Brush: {size} pixels", { size });
  }

  /** @param {PointerEvent} e */
  down(e) {
    const { image } = this.viewport;
    const way = this.way();
    if (!way || !image?.marker) return false;
    this.#marker = image.marker;
    this.live = this.#start(image, image.marker);
    this.at = this.viewport.toImage(e.clientX, e.clientY);
    this.line = [this.at];
    if (way === "brush" || way === "eraser") this.#paint(this.at, this.at);
    return true;
  }

  /** @param {PointerEvent} e */
  move(e) {
    const before = this.at;
    this.at = this.viewport.toImage(e.clientX, e.clientY);
    const way = this.way();
    if (way) this.viewport.requestDraw();
    if (!this.live || !before) return false;
    if (this.viewport.image?.marker !== this.#marker) return this.cancel();
    if (way === "lasso") this.line.push(this.at);
    else if (way === "brush" || way === "eraser") this.#paint(before, this.at);
    return true;
  }

  /** @param {PointerEvent} e */
  up(e) {
    if (!this.live) return false;
    this.move(e);
    const { live: begun, line } = this;
    if (!begun) return true;
    this.cancel();
    const way = this.way();
    const replaces = way === "lasso" && Boolean(this.#began?.origin) && !this.#began?.by_hand;
    const live = replaces ? blank(begun.rows, begun.columns) : begun;
    if (way === "lasso" && !fillLine(live, line, 1)) return true;
    if (replaces) this.#began = null;
    if (way === "fill" && !fillHole(live, line[0])) {
      this.done({}, unfilled(live, line[0]));
      return true;
    }
    const mask = this.#corrected(live);
    const was = this.marks.content.masks[this.#marker];
    if (!was || was.runs.join() !== mask.runs.join()) {
      this.done({ [this.#marker]: mask }, replaces ? REPLACED : was || !mask.origin ? "" : BEGAN);
    }
    return true;
  }

  cancel() {
    const was = this.live !== null;
    this.live = null;
    this.line = [];
    return was;
  }

  /**
   * Outline the slices between each two outlined neighbours of a series.
   * @param {string[]} markers of the slices in their order
   */
  fillBetween(markers) {
    const { masks } = this.marks.content;
    /** @type {Record<string, Mask>} */
    const found = {};
    let last = -1;
    markers.forEach((marker, at) => {
      if (!(marker in masks)) return;
      const [from, to] = [masks[markers[last]], masks[marker]];
      if (at - last > 1 && !isEmpty(from) && !isEmpty(to) && from.rows === to.rows && from.columns === to.columns) {
        const spacing = this.viewport.image?.spacing ?? null;
        between(unpacked(from), unpacked(to), at - last - 1, spacing).forEach((bitmap, number) => {
          found[markers[last + 1 + number]] = packed(bitmap, from.origin || to.origin);
        });
      }
      last = at;
    });
    const count = Object.keys(found).length;
    this.done(found, count ? t("Slices outlined: {count}.", { count }) : t("Outline two slices of this series with others between them first."));
  }

  /**
   * Take over outlines of the AI on the slices that have none of the reader.
   * @param {Record<string, Mask>} masks by marker
   */
  adopt(masks) {
    const own = this.marks.content.masks;
    const found = Object.fromEntries(Object.entries(masks).filter(([marker, mask]) => isEmpty(own[marker]) && !isEmpty(mask)));
    this.done(found, Object.keys(found).length ? BEGAN : NOTHING_NEW);
  }

  /** The mask to go on with. @param {Picture} image @param {string} marker */
  #start(image, marker) {
    const mask = this.marks.content.masks[marker] ?? this.suggested();
    const fits = mask && mask.rows === image.rows && mask.columns === image.columns;
    this.#began = fits ? mask : null;
    return fits ? unpacked(mask) : blank(image.rows, image.columns);
  }

  /** What a gesture made of the mask. @param {Bitmap} live @returns {Mask} */
  #corrected(live) {
    const began = this.#began;
    const mask = packed(live, began?.origin);
    const changed = began?.by_hand || began?.runs.join() !== mask.runs.join();
    return changed && !isEmpty(mask) ? { ...mask, by_hand: true } : mask;
  }

  /** @param {Point} from @param {Point} to */
  #paint(from, to) {
    const spacing = this.viewport.image?.spacing ?? null;
    if (this.live) paint(this.live, from, to, this.size / 2, spacing, this.way() === "brush" ? 1 : 0);
    this.viewport.requestDraw();
  }
}

/** Why nothing was filled around a point. @param {Bitmap} bitmap @param {Point} point */
function unfilled({ bits, rows, columns }, { x, y }) {
  if (x < 0 || y < 0 || x >= columns || y >= rows) return t("Nothing was filled: this place is outside the picture.");
  if (!bits.includes(1)) return t("Nothing was filled: there is no outline on this slice. Draw one first, with the brush or the lasso.");
  if (bits[Math.floor(y) * columns + Math.floor(x)]) return t("Nothing was filled: this place is inside the outline already.");
  return t("Nothing was filled: this place is no hole. Close the outline around it first.");
}
