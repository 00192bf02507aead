// @ts-check
/** The bar of slices: height is P(tumour), colour the likeliest class; a click goes there. */

import { decimals, t } from "../t.js";

/** @typedef {import("./pane.js").Pane} Pane */

/** The same as on every page. @type {Record<string, string>} */
export const COLOURS = { glioma: "#ff5d5d", meningioma: "#ffb347", pituitary: "#c792ea", notumor: "#5ba3e0" };
const NONE = "#26323f";
const HERE = "#dce6f0";
/** @type {Array<[number, number, string]>} */
const UNSCORED = [];
/** Height of a slice without a probability: so that it can be clicked. */
const LEAST = 0.06;

export class Strip {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => Pane} pane The one that is acted on.
   */
  constructor(canvas, pane) {
    this.canvas = canvas;
    this.pane = pane;
    /** @type {{scores: import("./types.js").SeriesHead["scores"], count: number, bars: HTMLCanvasElement} | null} */
    this.drawn = null;
    /** @param {PointerEvent} event */
    const go = (event) => pane().goTo(this.at(event));
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      go(event);
    };
    canvas.onpointermove = (event) => {
      canvas.title = this.said(this.at(event));
      if (event.buttons) go(event);
    };
  }

  /** @param {PointerEvent} event @returns {number} */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const count = this.pane().count;
    return Math.min(Math.max(Math.floor(((event.clientX - box.left) / box.width) * count), 0), count - 1);
  }

  /** Scores of the slices on the screen; reformatted ones have none. */
  get scores() {
    const pane = this.pane();
    return pane.cut ? UNSCORED : pane.head.scores;
  }

  /** @param {number} at @returns {string} */
  said(at) {
    const pane = this.pane();
    const near = this.scores.find(([one]) => Math.abs(one - at) <= (pane.head.step - 1) / 2 + 0.5);
    const scored = near ? `${t("P(tumour)")} ${decimals(near[1], 2)}, ${pane.source.head.findings[near[2]]}` : t("not scored");
    return t("Slice {at}: {score}", { at: at + 1, score: scored });
  }

  /** No study is here. */
  clear() {
    this.canvas.width = 0;
  }

  draw() {
    const { canvas } = this;
    const pane = this.pane();
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const bars = this.bars(Math.round(width * ratio), Math.round(height * ratio));
    if (canvas.width !== bars.width || canvas.height !== bars.height) Object.assign(canvas, { width: bars.width, height: bars.height });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!bars.width || !bars.height) return;
    context.globalAlpha = 1;
    context.drawImage(bars, 0, 0);
    context.scale(ratio, ratio);
    const each = width / pane.count;
    context.fillStyle = HERE;
    context.fillRect((pane.at + 0.5) * each - 1, 0, 2, height);
    context.globalAlpha = 0.25;
    context.fillRect(pane.at * each, 0, each, height);
  }

  /**
   * @param {number} width In pixels of the screen.
   * @param {number} height
   * @returns {HTMLCanvasElement} The bars, drawn once for all slices.
   */
  bars(width, height) {
    const pane = this.pane();
    const { scores } = this;
    const known = this.drawn;
    if (known?.scores === scores && known.count === pane.count && known.bars.width === width && known.bars.height === height) return known.bars;
    const bars = Object.assign(document.createElement("canvas"), { width, height });
    this.drawn = { scores, count: pane.count, bars };
    const context = /** @type {CanvasRenderingContext2D} */ (bars.getContext("2d"));
    const each = width / pane.count;
    context.fillStyle = NONE;
    context.fillRect(0, height * (1 - LEAST), width, height * LEAST);
    const { step } = pane.head;
    const gap = each > 3 ? 1 : 0;
    for (const [at, p, finding] of scores) {
      const tall = Math.max(p, LEAST) * (height - 2);
      context.fillStyle = COLOURS[finding];
      context.fillRect((at - (step - 1) / 2) * each, height - tall, Math.max(each * step - gap, 0.5), tall);
    }
    return bars;
  }
}
