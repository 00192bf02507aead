// @ts-check
/** The tools of measuring and outlining, which live in a folder of their own, and their buttons. */
import { t } from "../t.js";
import { button, unfolding } from "./bar.js";
import { adoptAll, adoptHere, suggested } from "./suggestion.js";

/** @typedef {import("./main.js").App} App */
/** @typedef {{tool: string | null, canUndo: boolean, saved: string | boolean, message: string}} State */

/** What they are called on their buttons, and what they do. @type {Record<string, [string, string]>} */
const MEASURING = {
  length: [t("Length"), t("Length in mm (m)")],
  angle: [t("Angle"), t("Angle in degrees (a)")],
  ellipse: [t("Ellipse"), t("Mean, standard deviation and area within an ellipse (e)")],
  probe: [t("Probe"), t("Value of a pixel (p)")],
};
/** @type {Record<string, [string, string]>} */
const OUTLINING = {
  brush: [t("Brush"), t("Paint the outline (b)")],
  eraser: [t("Eraser"), t("Erase from the outline (x)")],
  lasso: [t("Lasso"), t("Draw around the lesion (d): the first line replaces the AI's outline of the slice, more lines add to it")],
  fill: [t("Fill"), t("Fill a hole in the outline (f)")],
};
const LOST = t("The tools could not be loaded. Reload the page.");

/**
 * @param {App} app
 * @param {string} studyId
 * @returns {Promise<any>} The tools with what the reader has drawn so far; null if they cannot be loaded.
 */
export async function toolsOf(app, studyId) {
  const [{ viewport }] = app.layout.panes;
  try {
    const { Tools } = await import(new URL("tools/tools.js", import.meta.url).href);
    const tools = new Tools(viewport, {
      studyId,
      readOnly: false,
      onChange: (/** @type {State} */ state) => app.drew(state),
      markersOf: (/** @type {number} */ series) => app.main.head.series[series].slices.map((one) => one.marker),
      suggested: () => suggested(app),
      shown: () => (app.layout.pane.source === app.main ? app.layout.pane.viewport.image : null),
    });
    await tools.load();
    return tools;
  } catch {
    app.part("legend").textContent = LOST; // the picture can be read without them
    return null;
  }
}

/** Class of the buttons that say what the left button does. */
export const TOOL = "nt-tool";
/** Class of the button of key images. */
const KEY = "nt-key";

/** @param {App} app @returns {HTMLElement[]} What hides the marks of other readers, if there are any. */
export function theirMarks(app) {
  const { theirs } = app;
  if (!theirs.readings.length) return [];
  const names = theirs.readings.map(({ reader }) => reader).join(", ");
  const flip = () => {
    theirs.shown = !theirs.shown;
    app.refresh();
  };
  const made = button(t("Others' marks"), t("Show or hide what {names} marked", { names }), flip, "theirs");
  made.setAttribute("aria-pressed", String(theirs.shown));
  return [made];
}

/** @param {App} app Say on its button whether the slice on the screen is a key image. */
export function tellKey({ host, tools }) {
  const pressed = String(Boolean(tools?.isKey));
  const made = host.querySelector(`.${KEY}`);
  if (made && made.getAttribute("aria-pressed") !== pressed) made.setAttribute("aria-pressed", pressed);
}

/**
 * A button of the tools; it waits until they are there.
 *
 * @param {App} app
 * @param {[string, string]} said Label and help.
 * @param {() => void} act
 * @param {{picture?: string, pressed?: boolean}} [how]
 */
function toolButton({ tools }, [label, help], act, { picture, pressed } = {}) {
  const made = button(label, help, act, picture);
  made.disabled = !tools;
  if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
  return made;
}

/** @param {App} app @param {Record<string, [string, string]>} kinds */
function choices(app, kinds) {
  return Object.entries(kinds).map(([name, said]) => {
    const pressed = app.tool === name;
    const made = toolButton(app, said, () => app.choose(pressed ? "" : name), { picture: name, pressed });
    made.classList.add(TOOL);
    return made;
  });
}

/** @param {App} app @returns {HTMLElement[]} Key image, measurements, and the last step back. */
export function toolButtons(app) {
  const { tools, drawn } = app;
  const pressed = Boolean(tools?.isKey);
  const key = toolButton(app, [t("Key image"), t("Keep this slice with the reading (k)")], () => tools.toggleKey(), { picture: "key", pressed });
  key.classList.add(KEY);
  const undo = toolButton(app, [t("Undo"), t("Take the last step back (Ctrl+Z)")], () => tools.undo(), { picture: "undo" });
  undo.disabled ||= !drawn?.canUndo;
  return [key, ...choices(app, MEASURING), undo];
}

/** @param {App} app @returns {HTMLElement} */
export function outlineTools(app) {
  /** @param {string} label @param {string} help @param {() => void} act */
  const made = (label, help, act) => toolButton(app, [label, help], act);
  const begin = app.main.head.answer
    ? [
        made(t("AI's, this slice"), t("Begin with the AI's outline of this slice (Shift+B)"), () => adoptHere(app)),
        made(t("AI's, all slices"), t("Begin with the AI's outline of every slice of this series"), () => void adoptAll(app)),
      ]
    : [];
  return unfolding(app, t("Correct outline"), [
    ...begin,
    ...choices(app, OUTLINING),
    made(t("Between"), t("Outline the slices between outlined ones (Shift+F)"), () => app.tools.fillBetween()),
  ]);
}

/**
 * Do what a key asks of the tools.
 *
 * @param {App} app
 * @param {KeyboardEvent} event
 * @returns {boolean} Whether it was for them.
 */
export function toolKey(app, event) {
  if (!app.tools) return false;
  const begins = event.shiftKey && !event.ctrlKey && !event.altKey && event.key.toLowerCase() === "b";
  if (!begins || !app.main.head.answer) return app.tools.key(event);
  adoptHere(app);
  return true;
}
