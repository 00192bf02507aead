// @ts-check
/** Series that are not scored, as localisers: a reader can look at them too. They come after what is read. */
import { t } from "../t.js";

/** @typedef {import("./main.js").App} App */
/** @typedef {import("./pane.js").Source} Source */

/** @type {WeakMap<Source, Promise<void>>} */
const asked = new WeakMap();

/**
 * Add the series of a study that are not scored to it; only once.
 *
 * @param {App} app
 * @param {Source} source
 * @returns {Promise<void>}
 */
export function withAside(app, source) {
  if (!source.head.aside) return Promise.resolve();
  let done = asked.get(source);
  if (!done) asked.set(source, (done = add(app, source)));
  return done;
}

/** @param {App} app @param {Source} source */
async function add(app, { head }) {
  try {
    const answer = await fetch(`${head.address}/aside.json`, { signal: app.stop.signal });
    if (!answer.ok) throw new Error(await answer.text());
    const { series } = await answer.json();
    head.series.push(...series);
  } catch {
    if (app.stop.signal.aborted) return;
    app.notice = t("What was set aside could not be loaded. Reload the page to see it.");
  }
  if (app.layout.panes.length) app.refresh();
}
