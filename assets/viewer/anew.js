// @ts-check
/** A study that changes while it is open: slices arrive, the AI's result comes. The reader stays at the same slice. */
import { t } from "../t.js";
import { withAside } from "./aside.js";
import { toolbar } from "./toolbar.js";

/** @typedef {import("./main.js").App} App */
/** @typedef {import("./main.js").Data} Data */
/** @typedef {import("./pane.js").Pane} Pane */
/** @typedef {import("./pane.js").Source} Source */

/** Milliseconds after which a server that did not answer is asked again. */
const PATIENCE = 2000;
/** Milliseconds that the reader is told. */
const TOLD = 30_000;

/**
 * @param {Data} before
 * @param {Data} now
 * @returns {string} What of the study has changed, for the reader; empty if nothing has.
 */
export function change(before, now) {
  if (now.version !== before.version) return t("Slices arrived: the study was loaded anew.");
  if (now.model === before.model) return "";
  return before.model ? t("The AI result has changed.") : t("The AI result has come.");
}

/**
 * Load the study that is read anew. Zoom, tools and what they have drawn stay, and each pane where it is.
 *
 * @param {App} app
 * @param {string} why
 */
export async function anew(app, why) {
  const source = await asked(app);
  if (!source) return;
  const { main: old, layout } = app;
  const shown = layout.panes.filter((pane) => pane.source === old);
  // What is looked at may be set aside, by now or before.
  if (!source.head.series.length || shown.some((pane) => likest(pane.head, source) < 0)) await withAside(app, source);
  if (app.stop.signal.aborted) return;
  app.sources.set(app.data.study, source);
  if (old) leave(old, source);
  if (!source.head.series.length) layout.close();
  if (!layout.panes.length) return app.start();
  layout.renew((pane) => (pane.source === old ? [source, ...placeIn(pane, source)] : null));
  app.news.push(why);
  setTimeout(() => {
    app.news.shift();
    if (layout.panes.length) toolbar(app);
  }, TOLD);
  app.refresh();
}

/** @param {App} app @returns {Promise<Source | null>} The study as it is now, whenever the server answers; null once the viewer is closed. */
async function asked(app) {
  while (!app.stop.signal.aborted) {
    const source = await app.fetched(app.data.study).catch(() => null);
    if (source) return source;
    await new Promise((done) => setTimeout(done, PATIENCE));
  }
  return null;
}

/** @param {Source} old Ends. @param {Source} source Takes over the windows that the reader has set. */
function leave(old, source) {
  for (const series of old.head.series) {
    const window = old.windows.get(series.number);
    const same = source.head.series[likest(series, source)];
    if (window && same) source.windows.set(same.number, window);
  }
  old.loader.close();
  old.layers.close();
}

/** @param {import("./types.js").SeriesHead} series @param {Source} source @returns {number} Index of the series that holds its slices; -1 if none does. */
function likest(series, source) {
  const markers = new Set(series.slices.map((one) => one.marker));
  return source.head.series.findIndex((one) => one.slices.some(({ marker }) => markers.has(marker)));
}

/** @param {Pane} pane @param {Source} source @returns {[number, string | null, number]} Series, plane and slice that the pane shows of a study, as it was loaded anew. */
function placeIn(pane, source) {
  const series = Math.max(likest(pane.head, source), 0);
  const head = source.head.series[series];
  if (pane.cut && head.planes?.[pane.plane ?? ""]) return [series, pane.plane, pane.at];
  return [series, null, head.slices.findIndex(({ marker }) => marker === pane.head.slices[pane.at]?.marker)];
}
