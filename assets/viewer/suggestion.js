// @ts-check
/** The AI's outline, handed to the tools: a reader begins a correction with it. */
import { t } from "../t.js";
import { maskOf } from "./tools/suggested.js";

/** @typedef {import("./main.js").App} App */
/** @typedef {import("./tools/types.js").Mask} Mask */

/** The outline is that of the answer, whatever class the map explains. */
const ANSWER = { finding: "", method: "cam" };
/** Milliseconds between two looks at what has come. */
const PAUSE = 100;
const HIDDEN = t("No outline of the AI is on the screen. Show it with the key o; it may still be on its way.");

/** @param {App} app @returns {Mask | null} The AI's outline of the slice in the first pane, if the reader sees it. */
export function suggested(app) {
  const [pane] = app.layout.panes;
  const { layer, outline } = app.over(pane);
  if (pane.cut || !layer || !app.settings.outline) return null;
  return maskOf(outline, pane.slice, pane.source.head.model);
}

/** @param {App} app Begin with the AI's outline on the slice that is shown. */
export function adoptHere(app) {
  const mask = suggested(app);
  if (mask) app.tools.adopt({ [app.layout.panes[0].slice.marker]: mask });
  else app.tools.say(HIDDEN);
}

/** @param {App} app Begin with the AI's outline on all slices of the series, once all have come. */
export async function adoptAll(app) {
  const [{ source, series, head }] = app.layout.panes;
  for (;;) {
    const found = head.slices.map((_, at) => source.layers.get(series, at, ANSWER));
    if (app.stop.signal.aborted) return;
    if (source.layers.error) return app.tools.say(source.layers.error);
    const here = found.filter(Boolean).length;
    if (here === found.length) {
      const masks = found.map((one, at) => [head.slices[at].marker, maskOf(one?.outline ?? null, head.slices[at], source.head.model)]);
      return app.tools.adopt(Object.fromEntries(masks));
    }
    app.tools.say(t("The AI outlines slice {at} of {count} …", { at: here + 1, count: found.length }));
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}
