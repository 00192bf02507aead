// @ts-check
/**
 * The tools of the viewer: measuring, correcting the outline, key images. The viewer passes on its pointer and keys; a
 * call that returns false was not for the tools.
 *
 * @typedef {import("./types.js").Gesture} Gesture
 * @typedef {import("./types.js").Kind} Kind
 * @typedef {import("./label.js").Labels} Labels
 * @typedef {import("./types.js").Mask} Mask
 * @typedef {import("./types.js").Picture} Picture
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Viewport} Viewport
 * @typedef {import("./outlining.js").Way} Way
 */
import { t } from "../../t.js";
import { isEmpty, unpacked } from "./brush.js";
import { drawBrush, drawKey, drawLine, drawMask, drawMeasurement } from "./draw.js";
import { Marks, MAX_MEASUREMENTS } from "./marks.js";
import { POINTS } from "./measure.js";
import { Measuring } from "./measuring.js";
import { Outlining } from "./outlining.js";
import { Sync } from "./sync.js";

const WAYS = ["brush", "eraser", "lasso", "fill"];
/** Keys that take a tool in hand, or lay it down again; Shift+F fills between slices, K makes a key image. @type {Readonly<Record<string, string>>} */
const TOOL_KEYS = { m: "length", a: "angle", e: "ellipse", p: "probe", b: "brush", x: "eraser", d: "lasso", f: "fill" };
const NO_KEY = t("Key images are acquired slices of the study that is read, of a series that is scored.");
const ACQUIRED = t("Measure and outline on the acquired slices of a series that is scored.");
const FULL = t("A study holds {count} measurements. Remove one that you do not need.", { count: MAX_MEASUREMENTS });

export class Tools {
  /** @type {string | null} */
  #tool = null;
  /** What the last step did; what is said of saving stands before it, and does not end it. */
  #said = "";

  /**
   * @param {Viewport} viewport
   * @param {object} options
   * @param {string} options.studyId
   * @param {boolean} options.readOnly
   * @param {(state: State) => void} options.onChange
   * @param {(series: number) => string[]} [options.markersOf] markers of the acquired slices of a series, in order
   * @param {() => Mask | null} [options.suggested] the outline of the AI that is on the screen
   * @param {() => Picture | null} [options.shown] the slice of this study that keys act on, which can be in another pane
   */
  constructor(viewport, { studyId, readOnly, onChange, markersOf = () => [], suggested = () => null, shown = () => viewport.image }) {
    this.viewport = viewport;
    this.readOnly = readOnly;
    this.onChange = onChange;
    this.markersOf = markersOf;
    this.shown = shown;
    this.marks = new Marks();
    this.sync = new Sync(studyId, this.marks, (message) => this.#tell(message || this.#said));
    this.measuring = new Measuring(viewport, this.marks, () => this.#kind(), (one) => this.#measured(one));
    const outlined = (/** @type {Record<string, Mask>} */ masks, /** @type {string | undefined} */ said) => this.#outlined(masks, said);
    this.outlining = new Outlining(viewport, this.marks, () => this.#way(), suggested, outlined);
  }

  names() {
    return [...Object.keys(POINTS), ...WAYS];
  }

  /** Take a tool in hand; null: the viewer's own mouse. @param {string | null} name */
  setTool(name) {
    this.#cancel();
    this.#tool = this.readOnly || !this.names().includes(name ?? "") ? null : name;
    this.#changed();
  }

  /** @param {PointerEvent} e */
  pointerDown(e) {
    if (this.readOnly || e.button !== 0 || e.shiftKey || e.ctrlKey) return false;
    if (this.#tool && this.viewport.image && !this.viewport.image.marker) {
      this.#changed(ACQUIRED);
      return true;
    }
    return this.#gesture().down(e);
  }

  /** @param {PointerEvent} e */
  pointerMove(e) {
    return !this.readOnly && this.#gesture().move(e);
  }

  /** @param {PointerEvent} e */
  pointerUp(e) {
    return !this.readOnly && this.#gesture().up(e);
  }

  /** Give up what is being drawn: a second finger came, or the pointer was lost. */
  pointerCancel() {
    return this.#cancel();
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (this.readOnly || e.altKey) return false;
    const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
    if (e.ctrlKey || e.metaKey) {
      if (key === "z") return e.shiftKey ? this.redo() : this.undo();
      return key === "y" && this.redo();
    }
    if (key === "Escape") return this.#cancel() || this.#lay();
    if (key === "Delete" || key === "Backspace") return this.remove();
    if (key === "[" || key === "]") return this.#resize(key === "]" ? 1.25 : 0.8);
    if (key === "k") return this.toggleKey();
    if (key === "f" && e.shiftKey) return this.fillBetween();
    if (!(key in TOOL_KEYS)) return false;
    this.setTool(TOOL_KEYS[key] === this.#tool ? null : TOOL_KEYS[key]);
    return true;
  }

  /** Draw the marks of the slice in CSS pixels of the overlay. @param {CanvasRenderingContext2D} ctx @param {Labels} labels */
  draw(ctx, labels) {
    const { image } = this.viewport;
    if (!image?.marker) return;
    const { measurements, masks } = this.marks.content;
    const { live, line, at, size } = this.outlining;
    const mask = masks[image.marker];
    ctx.save();
    if (live) drawMask(ctx, this.viewport, () => live, null);
    else if (!isEmpty(mask)) drawMask(ctx, this.viewport, () => unpacked(mask), mask);
    if (line.length > 1) drawLine(ctx, this.viewport, line);
    const { draft, selected } = this.measuring;
    for (const one of measurements) {
      if (one.marker === image.marker && one.id !== draft?.id) {
        drawMeasurement(ctx, this.viewport, one, one.id === selected, labels);
      }
    }
    if (draft?.marker === image.marker) drawMeasurement(ctx, this.viewport, draft, true, labels);
    this.drawKey(ctx, this.viewport, labels);
    if (at && (this.#tool === "brush" || this.#tool === "eraser")) {
      const [down, along] = image.spacing ?? [1, 1];
      drawBrush(ctx, this.viewport, at, size / 2 / along, size / 2 / down);
    }
    ctx.restore();
  }

  /** Mark the slice of any pane of the study, if it is a key image. @param {CanvasRenderingContext2D} ctx @param {Viewport} viewport @param {Labels} labels */
  drawKey(ctx, viewport, labels) {
    const marker = viewport.image?.marker;
    if (marker && this.marks.content.keys.includes(marker)) drawKey(ctx, viewport, labels);
  }

  async load() {
    await this.sync.load();
  }

  async save() {
    await this.sync.save();
  }

  /** End it when the viewer closes. */
  close() {
    this.sync.close();
  }

  undo() {
    return this.#cancel() || this.#stepped(!this.readOnly && this.marks.undo());
  }

  redo() {
    return this.#stepped(!this.readOnly && this.marks.redo());
  }

  /** Remove the measurement that was drawn or touched last. */
  remove() {
    const { selected } = this.measuring;
    if (this.readOnly || !this.marks.content.measurements.some((one) => one.id === selected)) return false;
    this.marks.remove(selected);
    return this.#stepped(true);
  }

  /** Make the slice a key image of the report, or no longer. */
  toggleKey() {
    if (this.readOnly) return false;
    const image = this.shown();
    if (!image?.marker) {
      this.#changed(NO_KEY);
      return true;
    }
    this.marks.toggleKey(image.marker);
    this.sync.changed();
    const slice = image.at + 1;
    this.#changed(
      this.isKey ? t("Slice {slice} is a key image now.", { slice }) : t("Slice {slice} is no key image any more. Ctrl+Z brings it back.", { slice }),
    );
    return true;
  }

  /** Whether the slice that keys act on is a key image. */
  get isKey() {
    const marker = this.shown()?.marker;
    return Boolean(marker && this.marks.content.keys.includes(marker));
  }

  /** Outline the slices between outlined ones of the series that is shown. */
  fillBetween() {
    const { image } = this.viewport;
    if (!image || this.readOnly) return false;
    this.outlining.fillBetween(this.markersOf(image.series));
    return true;
  }

  /**
   * Begin with outlines of the AI on the slices that the reader has not outlined; undone in one step.
   * @param {Record<string, Mask>} masks by marker
   */
  adopt(masks) {
    if (!this.readOnly) this.outlining.adopt(masks);
  }

  /** Tell the reader something. @param {string} message */
  say(message) {
    this.#changed(message);
  }

  /** @returns {Kind | null} */
  #kind() {
    return this.#tool && this.#tool in POINTS ? /** @type {Kind} */ (this.#tool) : null;
  }

  /** @returns {Way | null} */
  #way() {
    return this.#tool && WAYS.includes(this.#tool) ? /** @type {Way} */ (this.#tool) : null;
  }

  /** @returns {Gesture} */
  #gesture() {
    return this.#way() ? this.outlining : this.measuring;
  }

  /** @param {import("./types.js").Measurement} one */
  #measured(one) {
    const kept = this.marks.put(one);
    this.#stepped(kept);
    if (!kept) this.#changed(FULL);
  }

  /** @param {Record<string, Mask>} masks @param {string} [message] */
  #outlined(masks, message = "") {
    if (Object.keys(masks).length) {
      this.marks.outline(masks);
      this.sync.changed();
    }
    this.#changed(message);
  }

  /** Note a change of the marks. @param {boolean} changed */
  #stepped(changed) {
    if (changed) {
      this.sync.changed();
      this.#changed();
    }
    return changed;
  }

  #cancel() {
    const was = this.#gesture().cancel();
    if (was) this.viewport.requestDraw();
    return was;
  }

  /** Lay the tool down. */
  #lay() {
    const held = this.#tool !== null;
    if (held) this.setTool(null);
    return held;
  }

  /** @param {number} factor */
  #resize(factor) {
    if (!this.#way()) return false;
    this.#changed(this.outlining.resize(factor));
    return true;
  }

  #changed(message = "") {
    this.#said = message;
    this.#tell(message);
  }

  /** @param {string} message */
  #tell(message) {
    const { measurements, masks } = this.marks.content;
    this.onChange({
      tool: this.#tool,
      measurements: measurements.length,
      outlines: Object.values(masks).filter((mask) => !isEmpty(mask)).length,
      canUndo: this.marks.canUndo,
      canRedo: this.marks.canRedo,
      brush: this.outlining.size,
      saved: this.sync.saved,
      message: [this.sync.problem, message].filter(Boolean).join(" "),
    });
    this.viewport.requestDraw();
  }
}
