// @ts-check
/**
 * Measuring with the pointer: by dragging or by clicks, as the reader likes; handles of earlier measurements can be
 * moved with any tool but a brush.
 *
 * @typedef {import("./types.js").Gesture} Gesture
 * @typedef {import("./types.js").Kind} Kind
 * @typedef {import("./types.js").Measurement} Measurement
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").Viewport} Viewport
 * @typedef {import("./marks.js").Marks} Marks
 */
import { newId } from "./marks.js";
import { measured, POINTS } from "./measure.js";

/** A press and release nearer than this is a click: CSS pixels. */
const CLICK = 3;
const REACH = { mouse: 8, touch: 20 };

/** @implements {Gesture} */
export class Measuring {
  /** The measurement that is being drawn or moved. @type {Measurement | null} */
  draft = null;
  /** The measurement that was drawn or touched last; Delete removes it. @type {string} */
  selected = "";
  /** Index of the point that follows the pointer; -1: all points. */
  #active = 0;
  #isNew = false;
  /** @type {Point} */
  #last = { x: 0, y: 0 };

  /**
   * @param {Viewport} viewport @param {Marks} marks
   * @param {() => Kind | null} kind of the tool in hand
   * @param {(one: Measurement) => void} done takes a finished measurement
   */
  constructor(viewport, marks, kind, done) {
    this.viewport = viewport;
    this.marks = marks;
    this.kind = kind;
    this.done = done;
  }

  /** @param {PointerEvent} e */
  down(e) {
    const { image } = this.viewport;
    if (!image?.marker) return false;
    const point = this.viewport.toImage(e.clientX, e.clientY);
    this.#last = point;
    if (this.draft) return this.move(e); // the next point of a measurement by clicks
    if (this.#grab(e, image.marker)) return true;
    const kind = this.kind();
    if (!kind) return false;
    const points = Array.from({ length: POINTS[kind] }, () => /** @type {[number, number]} */ ([point.x, point.y]));
    this.draft = { id: newId(), kind, marker: image.marker, points, values: {}, unit: image.unit };
    this.#isNew = true;
    this.#active = Math.min(1, points.length - 1);
    this.#measure();
    return true;
  }

  /** @param {PointerEvent} e */
  move(e) {
    const { draft } = this;
    if (!draft) return false;
    if (draft.marker !== this.viewport.image?.marker) return this.cancel();
    const point = this.viewport.toImage(e.clientX, e.clientY);
    const [dx, dy] = [point.x - this.#last.x, point.y - this.#last.y];
    const points = draft.points.map(([x, y], at) => {
      if (this.#active < 0) return /** @type {[number, number]} */ ([x + dx, y + dy]);
      // Points that are still to come stay with the one that follows the pointer.
      const follows = at === this.#active || (this.#isNew && at > this.#active);
      return /** @type {[number, number]} */ (follows ? [point.x, point.y] : [x, y]);
    });
    this.#last = point;
    this.draft = { ...draft, points };
    this.#measure();
    return true;
  }

  /** @param {PointerEvent} e */
  up(e) {
    if (!this.draft) return false;
    this.move(e);
    const { draft } = this;
    if (!draft) return true;
    if (this.#isNew && draft.points.length > 1) {
      const [before, now] = [this.#active - 1, this.#active].map((at) => this.viewport.toScreen(asPoint(draft.points[at])));
      if (Math.hypot(now.x - before.x, now.y - before.y) < CLICK) return true; // wait for the next click
      this.#active += 1;
      if (this.#active < draft.points.length) return true;
    }
    this.draft = null;
    this.selected = draft.id;
    this.done(draft);
    return true;
  }

  cancel() {
    const was = this.draft !== null;
    this.draft = null;
    return was;
  }

  /** Begin to move the nearest handle of the slice, if one is in reach. @param {PointerEvent} e @param {string} marker */
  #grab(e, marker) {
    const box = this.viewport.overlay.getBoundingClientRect();
    const [x, y] = [e.clientX - box.left, e.clientY - box.top];
    let nearest = e.pointerType === "touch" ? REACH.touch : REACH.mouse;
    for (const one of this.marks.content.measurements) {
      if (one.marker !== marker) continue;
      for (const [point, at] of handles(one)) {
        const place = this.viewport.toScreen(point);
        const away = Math.hypot(place.x - x, place.y - y);
        if (away > nearest) continue;
        [nearest, this.draft, this.#active, this.#isNew] = [away, one, at, false];
      }
    }
    if (!this.draft) return false;
    this.selected = this.draft.id;
    return true;
  }

  #measure() {
    const { draft } = this;
    const { image } = this.viewport;
    if (!draft || !image) return;
    this.draft = { ...draft, values: measured(draft.kind, draft.points.map(asPoint), image), unit: image.unit };
    this.viewport.requestDraw();
  }
}

/** The points of a measurement with their index, and the middle of an ellipse, which moves it. @param {Measurement} one */
function handles({ kind, points }) {
  const found = points.map((point, at) => /** @type {[Point, number]} */ ([asPoint(point), at]));
  if (kind === "ellipse") {
    const [[ax, ay], [bx, by]] = points;
    found.push([{ x: (ax + bx) / 2, y: (ay + by) / 2 }, -1]);
  }
  return found;
}

/** @param {[number, number]} pair */
function asPoint([x, y]) {
  return { x, y };
}
