// @ts-check
/** What is loaded in which order: what is looked at, then the layers around it, then the next study. */
import { ahead } from "./ahead.js";
import { withAside } from "./aside.js";

/** @typedef {import("./main.js").App} App */
/** @typedef {import("./pane.js").Pane} Pane */

/** @param {App} app Load what is not here yet; called again when something has come. */
export function load(app) {
  for (const source of app.sources.values()) {
    const panes = app.layout.panes.filter((pane) => pane.source === source);
    if (!panes.length) continue;
    const focus = panes.map((pane) => /** @type {[number, number]} */ ([pane.series, pane.cut ? pane.shape[0] >> 1 : pane.at]));
    source.loader.look(focus);
    if (focus.some(([series]) => source.loader.loaded(series) < source.head.series[series].slices.length)) return;
    for (const pane of panes) layersAround(app, pane);
    void withAside(app, source);
  }
  if (app.data.next && !app.warmed && app.sources.size) {
    app.warmed = true;
    void ahead(app.data.next, true);
  }
}

/** @param {App} app @param {Pane} pane Fetch the nearest layer that is not here. */
function layersAround(app, pane) {
  // Three planes ask for all layers themselves.
  if (app.layout.kind === "planes" || pane.cut || !app.over(pane).layer || app.settings.method !== "cam") return;
  const { layers } = pane.source;
  const { length } = pane.head.slices;
  for (let distance = 1; distance < length && !layers.busy; distance++) {
    for (const at of [pane.at + distance, pane.at - distance]) {
      if (at >= 0 && at < length) layers.get(pane.series, at, app.settings, true);
    }
  }
}
