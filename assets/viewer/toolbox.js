// @ts-check
/** The tools of measuring and outlining, which live in a folder of their own, and their buttons. */
import { button, unfolding } from "./bar.js";

/** @typedef {import("./main.js").App} App */
/** @typedef {{tool: string | null, key: boolean, canUndo: boolean, saved: string | boolean, message: string}} State */

/** What they are called on their buttons, and what they do. @type {Record<string, [string, string]>} */
const NAMES = {
  length: ["Length", "Length in mm (m)"],
  angle: ["Angle", "Angle in degrees (a)"],
  ellipse: ["Ellipse", "Mean, standard deviation and area within an ellipse (e)"],
  probe: ["Probe", "Value of a pixel (p)"],
  brush: ["Brush", "Paint the outline (b)"],
  eraser: ["Eraser", "Erase from the outline (x)"],
  lasso: ["Lasso", "Draw around the outline (d)"],
  fill: ["Fill", "Fill what looks alike (f)"],
};
const MEASURING = ["length", "angle", "ellipse", "probe"];

/**
 * @param {App} app
 * @param {string} studyId
 * @returns {Promise<any>} The tools with what the reader has drawn so far; null if they cannot be loaded.
 */
export async function toolsOf(app, studyId) {
  const [{ viewport, source }] = app.layout.panes;
  try {
    const { Tools } = await import(new URL("tools/tools.js", import.meta.url).href);
    const tools = new Tools(viewport, {
      studyId,
      readOnly: false,
      onChange: (/** @type {State} */ state) => app.drew(state),
      markersOf: (/** @type {number} */ series) => source.head.series[series].slices.map((one) => one.marker),
    });
    await tools.load();
    return tools;
  } catch {
    return null; // the picture can be read without them
  }
}

/** @param {App} app @returns {HTMLElement[]} The buttons of the tools. */
export function toolButtons(app) {
  const { tools, drawn } = app;
  if (!tools) return [];
  /** @param {string} name */
  const tool = (name) => {
    const [label, help] = NAMES[name] ?? [name, name];
    return pressed(button(label, help, () => app.choose(app.tool === name ? "" : name)), app.tool === name);
  };
  /** @type {string[]} */
  const names = tools.names();
  const between = button("Between", "Outline the slices between outlined ones (Shift+F)", () => tools.fillBetween());
  const undo = button("Undo", "Take the last step back (Ctrl+Z)", () => tools.undo());
  undo.disabled = !drawn?.canUndo;
  const key = button("Key image", "Keep this slice with the reading (k)", () => tools.toggleKey());
  const outlining = names.filter((name) => !MEASURING.includes(name)).map(tool);
  return [
    ...names.filter((name) => MEASURING.includes(name)).map(tool),
    unfolding(app, "Correct outline", [...outlining, between]),
    pressed(key, Boolean(drawn?.key)),
    undo,
  ];
}

/** @param {HTMLElement} made @param {boolean} is */
function pressed(made, is) {
  made.setAttribute("aria-pressed", String(is));
  return made;
}
