// @ts-check
/** The tools of measuring and outlining, which live in a folder of their own. */

/** What they are called on their buttons, and what they do. @type {Record<string, [string, string]>} */
export const NAMES = {
  length: ["Length", "Length: draw a line, in mm"],
  angle: ["Angle", "Angle: three clicks"],
  ellipse: ["Ellipse", "Ellipse: mean, standard deviation and area"],
  probe: ["Probe", "Probe: the value under the pointer"],
  brush: ["Brush", "Paint the outline"],
  eraser: ["Eraser", "Erase from the outline"],
};

/**
 * @param {import("./viewport.js").Viewport} viewport
 * @param {string} studyId
 * @returns {Promise<any>} The tools with what the reader has drawn so far; null if they cannot be loaded.
 */
export async function toolsOf(viewport, studyId) {
  try {
    const address = new URL("tools/tools.js", import.meta.url).href;
    const { Tools } = await import(address);
    const tools = new Tools(viewport, { studyId, readOnly: false, onChange: () => viewport.requestDraw() });
    await tools.load();
    return tools;
  } catch {
    return null; // the picture can be read without them
  }
}
