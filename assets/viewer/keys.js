// @ts-check
/** Keys of the viewer: which does what, and the panel that says so. */
import { t } from "../t.js";

/** What each action of keys.json does, in the order of the panel. @type {Record<string, string>} */
export const ACTIONS = {
  back: t("Slice back"),
  forward: t("Slice forward"),
  "page-back": t("Ten slices back"),
  "page-forward": t("Ten slices forward"),
  start: t("First slice"),
  end: t("Last slice"),
  suspicious: t("The AI's most suspicious slice"),
  cine: t("Cine: run through the slices, and stop"),
  "window-brain": t("Window: brain"),
  "window-contrast": t("Window: after contrast"),
  "window-t2": t("Window: T2"),
  "window-flair": t("Window: FLAIR"),
  "window-full": t("Window: all values"),
  "window-file": t("Window: as the file says"),
  "zoom-tool": t("Zoom with the left button, and back"),
  "zoom-in": t("Zoom in"),
  "zoom-out": t("Zoom out"),
  fit: t("Fit the picture"),
  "turn-right": t("Turn right"),
  "turn-left": t("Turn left"),
  "flip-across": t("Flip left and right"),
  "flip-down": t("Flip up and down"),
  invert: t("Exchange dark and bright"),
  reset: t("Reset zoom, turn and window"),
  outline: t("Outline on or off"),
  heat: t("Heat map on or off"),
  "layout-one": t("One picture"),
  "layout-two": t("Two pictures side by side"),
  "layout-planes": t("Three planes"),
  whole: t("The picture on the whole screen, and back"),
  help: t("These keys, and away with them"),
};
/** What the tools do. */
const TOOLS = [
  ["m a e p", t("Length, angle, ellipse, probe")],
  [t("Shift+B"), t("Begin with the AI's outline of the slice")],
  ["b x d f", t("Outline: brush, eraser, lasso, fill")],
  ["[ ]", t("Smaller or larger brush")],
  [t("Shift+F"), t("Outline the slices between outlined ones")],
  ["k", t("Key image")],
  [t("Ctrl+Z, Ctrl+Y"), t("Undo, redo")],
  [t("Delete"), t("Remove the measurement")],
];
/** What the page beside the picture does. */
const READING = [
  ["Alt+1 … Alt+6", t("Choose the class")],
  ["Enter", t("Sign; asks once")],
  ["n", t("Next study")],
  ["u", t("Undo within 10 seconds")],
  ["Esc", t("Out of a field or a menu, back to the picture")],
];
const MOUSE = [
  [t("Wheel"), t("Slices; with Ctrl zoom")],
  [t("Left"), t("Window: across width, down level")],
  [t("Middle, Shift+left"), t("Pan")],
  [t("Right"), t("Zoom")],
  [t("Double click"), t("Fit")],
  [t("One finger, two"), t("Slices; zoom and pan")],
];
const SHOWN = /** @type {Record<string, string>} */ ({
  " ": t("Space"),
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Home: t("Home"),
  End: t("End"),
  PageUp: t("Page up"),
  PageDown: t("Page down"),
});
/** Where keys are typed, not pressed. */
const FIELDS = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable=true]";
/** What arrows, Space and the like belong to while it has the focus. */
const CONTROLS = "button, a, summary, input, [role=radio], [role=tab], [role=option], [role=slider], [role=grid], canvas";

/** @param {KeyboardEvent} event @returns {Element | null} Where the key was pressed, also within a shadow tree. */
function origin(event) {
  const [first] = event.composedPath();
  return first instanceof Element ? first : null;
}

/** @param {KeyboardEvent} event @returns {boolean} Whether it is typed in a field, or in one that the page has taken away. */
export function typing(event) {
  return adrift() || Boolean(origin(event)?.closest(FIELDS));
}

/** @returns {boolean} Whether the reader types in a field that the page has taken away (events-focus.js). */
export function adrift() {
  return document.documentElement.hasAttribute("data-adrift");
}

/** @returns {boolean} Whether the focus is in a field, also within a shadow tree. */
export function inField() {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return Boolean(at?.matches(FIELDS));
}

/**
 * Return what a key means, "" for nothing.
 *
 * @param {KeyboardEvent} event
 * @param {Record<string, string[]>} keys Keys by action.
 * @param {HTMLElement} viewer
 * @returns {string}
 */
export function meaning(event, keys, viewer) {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event)) return "";
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const at = origin(event);
  if (at && !viewer.contains(at) && (key.length > 1 || key === " ") && at.closest(CONTROLS)) return "";
  return Object.keys(ACTIONS).find((action) => keys[action]?.some((one) => one.toLowerCase() === key.toLowerCase())) ?? "";
}

/**
 * Fill the panel with all keys that do something.
 *
 * @param {HTMLElement} panel
 * @param {Record<string, string[]>} keys
 */
export function describe(panel, keys) {
  const rows = Object.entries(ACTIONS)
    .map(([action, said]) => [(keys[action] ?? []).map((key) => SHOWN[key] ?? key).join(" "), said]);
  const columns = document.createElement("div");
  const blocks = new Map([[t("Keys"), rows], [t("Mouse and touch"), MOUSE], [t("Measuring and outlining"), TOOLS], [t("Reading"), READING]]);
  for (const [title, lines] of blocks) {
    const list = document.createElement("dl");
    for (const [key, said] of lines) {
      const term = document.createElement("dt");
      const text = document.createElement("dd");
      [term.textContent, text.textContent] = [key, said];
      list.append(term, text);
    }
    const heading = document.createElement("h2");
    heading.textContent = title;
    const block = document.createElement("section");
    block.append(heading, list);
    columns.append(block);
  }
  panel.replaceChildren(columns);
}
