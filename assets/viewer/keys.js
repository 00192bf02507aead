// @ts-check
/** Keys of the viewer: which does what, and the panel that says so. */

/** What each action of keys.json does, in the order of the panel. @type {Record<string, string>} */
export const ACTIONS = {
  back: "Slice back",
  forward: "Slice forward",
  "page-back": "Ten slices back",
  "page-forward": "Ten slices forward",
  start: "First slice",
  end: "Last slice",
  suspicious: "The AI's most suspicious slice",
  cine: "Cine: run through the slices, and stop",
  "window-brain": "Window: brain",
  "window-contrast": "Window: after contrast",
  "window-t2": "Window: T2",
  "window-flair": "Window: FLAIR",
  "window-full": "Window: all values",
  "window-file": "Window: as the file says",
  "zoom-tool": "Zoom with the left button, and back",
  "zoom-in": "Zoom in",
  "zoom-out": "Zoom out",
  fit: "Fit the picture",
  "turn-right": "Turn right",
  "turn-left": "Turn left",
  "flip-across": "Flip left and right",
  "flip-down": "Flip up and down",
  invert: "Exchange dark and bright",
  reset: "Reset zoom, turn and window",
  outline: "Outline on or off",
  heat: "Heat map on or off",
  "layout-one": "One picture",
  "layout-two": "Two pictures side by side",
  "layout-planes": "Three planes",
  help: "These keys, and away with them",
};
/** What the tools do. */
const TOOLS = [
  ["m a e p", "Length, angle, ellipse, probe"],
  ["b x d f", "Outline: brush, eraser, lasso, fill"],
  ["[ ]", "Smaller or larger brush"],
  ["Shift+F", "Outline the slices between outlined ones"],
  ["k", "Key image"],
  ["Ctrl+Z, Ctrl+Y", "Undo, redo"],
  ["Delete", "Remove the measurement"],
];
/** What the page beside the picture does. */
const READING = [
  ["Alt+1 … Alt+4", "Choose the class"],
  ["Enter", "Sign; asks once"],
  ["n", "Next study"],
  ["u", "Undo within 10 seconds"],
  ["Esc", "Out of a field, back to the picture"],
];
const MOUSE = [
  ["Wheel", "Slices; with Ctrl zoom"],
  ["Left", "Window: across width, down level"],
  ["Middle, Shift+left", "Pan"],
  ["Right", "Zoom"],
  ["Double click", "Fit"],
  ["One finger, two", "Slices; zoom and pan"],
];
const SHOWN = /** @type {Record<string, string>} */ ({
  " ": "Space",
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  PageUp: "Page up",
  PageDown: "Page down",
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

/** @param {KeyboardEvent} event @returns {boolean} Whether it is typed in a field. */
export function typing(event) {
  return Boolean(origin(event)?.closest(FIELDS));
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
 * Fill the panel with all keys.
 *
 * @param {HTMLElement} panel
 * @param {Record<string, string[]>} keys
 */
export function describe(panel, keys) {
  const rows = Object.entries(ACTIONS).map(([action, said]) => [
    (keys[action] ?? []).map((key) => SHOWN[key] ?? key).join(" "),
    said,
  ]);
  panel.replaceChildren();
  const blocks = { Keys: rows, "Mouse and touch": MOUSE, "Measuring and outlining": TOOLS, Reading: READING };
  for (const [title, lines] of Object.entries(blocks)) {
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
    panel.append(block);
  }
}
