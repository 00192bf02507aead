// @ts-check
/** One picture on the screen: its place, zoom and turn, and the canvas above it that others draw on. */
import { Gray } from "./gray.js";

/** @typedef {import("./types.js").Picture} Picture */
/** Draws something over the picture. @typedef {(context: CanvasRenderingContext2D, viewport: Viewport) => void} Painter */

const MIN_ZOOM = 0.1;
const MAX_ZOOM = 40;

export class Viewport {
  /** @param {HTMLElement} host Filled by the two canvases. */
  constructor(host) {
    this.host = host;
    this.canvas = host.appendChild(document.createElement("canvas"));
    this.overlay = host.appendChild(document.createElement("canvas"));
    this.overlay.className = "nt-overlay";
    /** @type {Picture | null} */
    this.image = null;
    /** @type {[number, number]} */
    this.window = [0, 1];
    this.view = initialView();
    /** What is laid on the picture itself, under its clip. @type {Painter[]} */
    this.layers = [];
    /** What is drawn above it. @type {Painter[]} */
    this.painters = [];
    this.gray = new Gray();
    /** Of the canvas in CSS pixels. @type {[number, number]} */
    this.size = [0, 0];
    /** What the whole picture leaves free on each side, for the letters of orientation. */
    this.border = 0;
    /** Lower edge of what is written at the upper left. */
    this.below = 0;
    this.frame = 0;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(host);
  }

  close() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  /** Zoom and turn as at the start; the window stays. */
  fit() {
    Object.assign(this.view, { zoom: 1, x: 0, y: 0 });
    this.requestDraw();
  }

  /**
   * Zoom by a factor about a point of the screen.
   *
   * @param {number} factor
   * @param {number} clientX
   * @param {number} clientY
   */
  zoom(factor, clientX, clientY) {
    const box = this.overlay.getBoundingClientRect();
    const [x, y] = [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
    const zoom = Math.min(Math.max(this.view.zoom * factor, MIN_ZOOM), MAX_ZOOM);
    const grown = zoom / this.view.zoom;
    Object.assign(this.view, { zoom, x: x - (x - this.view.x) * grown, y: y - (y - this.view.y) * grown });
    this.requestDraw();
  }

  /** Screen pixels per image column. */
  get scale() {
    return this.image ? this.fitted(this.image)[0] * this.view.zoom : 1;
  }

  /**
   * Screen pixels per column and per row at which the whole picture is seen.
   *
   * @param {Picture} image
   * @returns {[number, number]}
   */
  fitted(image) {
    const [down, along] = image.spacing ?? [1, 1];
    const [width, height] = [image.columns, (image.rows * down) / along];
    const turned = this.view.turn % 2 === 1;
    const free = this.size.map((side) => Math.max(side - 2 * this.border, 1));
    const scale = Math.min(free[0] / (turned ? height : width), free[1] / (turned ? width : height));
    return [scale, (scale * down) / along];
  }

  /** @returns {DOMMatrix} From pixels of the picture to those of the screen, from the corner of the canvas. */
  matrix() {
    const { view, image, size } = this;
    const matrix = new DOMMatrix().translateSelf(size[0] / 2 + view.x, size[1] / 2 + view.y);
    if (!image) return matrix;
    const [along, down] = this.fitted(image);
    matrix.scaleSelf(view.zoom * (view.flipAcross ? -1 : 1), view.zoom * (view.flipDown ? -1 : 1));
    matrix.rotateSelf(90 * view.turn).scaleSelf(along, down);
    return matrix.translateSelf(-image.columns / 2, -image.rows / 2);
  }

  // The tools hand these on as functions.
  /**
   * @param {number} clientX
   * @param {number} clientY
   * @returns {{x: number, y: number}} In pixels of the picture, from the corner of the first one.
   */
  toImage = (clientX, clientY) => {
    const box = this.overlay.getBoundingClientRect();
    const point = this.matrix().inverse().transformPoint({ x: clientX - box.left, y: clientY - box.top });
    return { x: point.x, y: point.y };
  };

  /**
   * @param {{x: number, y: number}} point In pixels of the picture.
   * @returns {{x: number, y: number}} In CSS pixels of the overlay.
   */
  toScreen = (point) => {
    const { x, y } = this.matrix().transformPoint(point);
    return { x, y };
  };

  requestDraw = () => {
    this.frame ||= requestAnimationFrame(() => this.draw());
  };

  resize() {
    const ratio = devicePixelRatio || 1;
    this.size = [this.host.clientWidth, this.host.clientHeight];
    for (const canvas of [this.canvas, this.overlay]) {
      canvas.width = Math.round(this.size[0] * ratio);
      canvas.height = Math.round(this.size[1] * ratio);
    }
    this.draw(); // at once: a canvas of another size is empty
  }

  draw() {
    cancelAnimationFrame(this.frame); // what was asked for is drawn now
    this.frame = 0;
    const ratio = devicePixelRatio || 1;
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.image && this.size[0]) {
      context.setTransform(new DOMMatrix().scaleSelf(ratio, ratio).multiplySelf(this.matrix()));
      context.imageSmoothingEnabled = this.scale * ratio < 6; // beyond that, pixels are looked at
      context.drawImage(this.gray.render(this.image, this.window, this.view.inverted), 0, 0);
      context.save();
      context.beginPath();
      context.rect(0, 0, this.image.columns, this.image.rows);
      context.clip();
      context.imageSmoothingEnabled = true;
      for (const paint of this.layers) paint(context, this);
      context.restore();
    }
    const above = /** @type {CanvasRenderingContext2D} */ (this.overlay.getContext("2d"));
    above.setTransform(ratio, 0, 0, ratio, 0, 0);
    above.clearRect(0, 0, ...this.size);
    for (const paint of this.painters) {
      above.save();
      paint(above, this);
      above.restore();
    }
  }
}

/** @returns {{zoom: number, x: number, y: number, turn: number, flipAcross: boolean, flipDown: boolean, inverted: boolean}} */
export function initialView() {
  return { zoom: 1, x: 0, y: 0, turn: 0, flipAcross: false, flipDown: false, inverted: false };
}
