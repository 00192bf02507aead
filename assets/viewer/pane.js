// @ts-check
/** One pane: a series of a study in one plane, and the slice of it that is shown. */
import { Viewport, initialView } from "./viewport.js";
import { along, cutOf, fieldOf, sizeOf } from "./volume.js";

/** @typedef {import("./types.js").Field} Field */
/** @typedef {import("./types.js").Picture} Picture */
/** A study; `other` says so if it is not the one that is read. */
/** @typedef {{head: import("./types.js").StudyHead, other: string, loader: import("./loader.js").Loader, layers: import("./layers.js").Layers, windows: import("./windows.js").Windows}} Source */

export class Pane {
  /**
   * @param {HTMLElement} host
   * @param {Source} source
   * @param {number} series Index in `source.head.series`.
   * @param {() => void} onMove Called when another slice is shown.
   */
  constructor(host, source, series, onMove) {
    this.viewport = new Viewport(host);
    this.source = source;
    this.series = series;
    this.onMove = onMove;
    /** Null for the acquired slices. @type {string | null} */
    this.plane = null;
    this.at = 0;
    /** Slices still to be shown, one for each frame. @type {number[]} */
    this.steps = [];
    this.frame = 0;
    /** @type {Map<string, {slices: number, pixels: import("./types.js").Values}>} */
    this.cuts = new Map();
    /** What lies over the plane that was cut last. @type {{key: string, map: Field | null, outline: Field | null}} */
    this.fields = { key: "", map: null, outline: null };
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.viewport.close();
  }

  get head() {
    return this.source.head.series[this.series];
  }

  get cut() {
    return this.plane === null || this.plane === this.head.plane ? null : (this.head.planes?.[this.plane] ?? null);
  }

  /** How many slices there are. */
  get count() {
    return this.cut?.count ?? this.head.slices.length;
  }

  /** Slice, row and column of the volume. */
  get shape() {
    const [one] = this.head.slices;
    return [this.head.slices.length, one.rows, one.columns];
  }

  /** The slice that is shown, or the one that takes most of its place: where the header is taken from. */
  get slice() {
    return this.head.slices[this.cut ? 0 : this.at];
  }

  /** The window of the series as the reader set it, or else the one of the file. @returns {[number, number]} */
  get window() {
    return this.source.windows.get(this.head.number) ?? this.fileWindow;
  }

  set window(window) {
    this.source.windows.set(this.head.number, window);
    this.show();
  }

  /** @returns {[number, number]} */
  get fileWindow() {
    return this.slice.window ?? this.head.presets.plain;
  }

  /**
   * Show another series or plane; zoom, turn and the windows stay.
   *
   * @param {Source} source
   * @param {number} series
   * @param {string | null} plane
   * @param {number} at
   */
  open(source, series, plane, at) {
    Object.assign(this, { source, series, plane });
    this.steps = [];
    this.cuts.clear();
    this.fields.key = "";
    this.at = Math.min(Math.max(at, 0), this.count - 1);
    this.show();
    this.onMove();
  }

  /** @param {number} at */
  goTo(at) {
    this.steps = [];
    this.step(at);
  }

  /**
   * Move by slices, showing each of those between: the first one at once, then one a frame.
   *
   * @param {number} count Negative to go back.
   */
  move(count) {
    for (let left = Math.abs(count); left; left--) {
      const next = (this.steps.at(-1) ?? this.at) + Math.sign(count);
      if (next >= 0 && next < this.count) this.steps.push(next);
    }
    if (!this.frame) this.tick();
  }

  tick() {
    const next = this.steps.shift();
    this.frame = next === undefined ? 0 : requestAnimationFrame(() => this.tick());
    if (next !== undefined) this.step(next);
  }

  /** @param {number} at */
  step(at) {
    const to = Math.min(Math.max(at, 0), this.count - 1);
    if (to === this.at) return;
    this.at = to;
    this.show();
    this.viewport.draw();
    this.onMove();
  }

  /** Give the viewport what is to be seen now. */
  show() {
    this.viewport.window = this.window;
    this.viewport.image = this.picture();
    this.viewport.requestDraw();
  }

  /** @returns {Picture | null} */
  picture() {
    const { cut, head, slice, source, series, at } = this;
    const values = cut ? this.pixels(cut) : source.loader.get(series, at);
    if (!values) return null;
    const { slope, intercept, unit, spacing, marker } = slice;
    const shown = { series, plane: this.plane ?? head.plane, at, values, slope, intercept, unit };
    return cut
      ? { ...shown, ...sizeOf(cut), marker: null }
      : { ...shown, rows: slice.rows, columns: slice.columns, spacing, marker: head.aside ? null : marker };
  }

  /** @param {import("./types.js").Cut} cut @returns {import("./types.js").Values} */
  pixels(cut) {
    const { loader } = this.source;
    const key = `${this.plane}/${this.at}`;
    const slices = loader.loaded(this.series);
    const known = this.cuts.get(key);
    if (known?.slices === slices) return known.pixels;
    const pixels = cutOf(cut, this.at, this.shape, (one) => loader.get(this.series, one), this.slice.bits);
    this.cuts.clear(); // the last one is enough: moving makes others anyway
    this.cuts.set(key, { slices, pixels });
    return pixels;
  }

  /**
   * Return what lies over the slice, as far as it is here.
   *
   * @param {import("./types.js").Settings} settings
   * @returns {{layer: import("./types.js").Layer | null, map: Field | null, outline: Field | null}}
   */
  over(settings) {
    const { layers, head: study } = this.source;
    const { cut } = this;
    if (!cut) {
      const layer = layers.get(this.series, this.at, settings) ?? null;
      return { layer, map: layer?.map ?? null, outline: layer?.outline ?? null };
    }
    // Across slices only one class can be compared: that of the study.
    const wanted = { ...settings, finding: settings.finding || (study.answer?.finding ?? "") };
    const found = this.head.slices.map((_, at) => layers.get(this.series, at, wanted, true));
    const layer = found.find((one) => one !== undefined) ?? null;
    const key = `${this.plane} ${this.at} ${wanted.finding} ${wanted.method} ${found.filter(Boolean).length}`;
    if (layer && this.fields.key !== key) {
      const peak = Math.max(...found.map((one) => one?.peak ?? 0), 1e-6);
      this.fields = {
        key,
        map: fieldOf(cut, this.at, (at) => {
          const one = found[at];
          return one ? { field: one.map, weight: Math.max(one.peak, 0) / peak } : null;
        }),
        outline: fieldOf(cut, this.at, (at) => {
          const outline = found[at]?.outline;
          return outline ? { field: outline, weight: 1 } : null;
        }),
      };
    }
    return layer ? { layer, map: this.fields.map, outline: this.fields.outline } : { layer, map: null, outline: null };
  }

  /** Forget how the picture is turned and windowed. */
  reset() {
    this.source.windows.delete(this.head.number);
    this.viewport.view = initialView();
    this.show();
  }

  /** @returns {number[]} Slice, row and column of the volume in the middle of what is shown, for a plane's own axis. */
  voxel() {
    const voxel = this.shape.map((size) => Math.floor(size / 2));
    const across = this.cut?.across ?? [0, false];
    voxel[across[0]] = along(across, this.count, this.at);
    return voxel;
  }
}
