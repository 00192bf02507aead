// @ts-check
/** What a new pane draws over its slice, and what the pointer does in it. */
import { below, corners } from "./corners.js";
import { isEmpty, notes } from "./notes.js";
import { paintHeat, paintOutline } from "./paint.js";
import { listen } from "./pointer.js";
import { tell, toolbar } from "./toolbar.js";
import { Labels } from "./tools/label.js";
import { end } from "./waiting.js";

/** @typedef {import("./main.js").App} App */
/** @typedef {import("./pane.js").Pane} Pane */

/** @param {App} app @param {Pane} pane A new pane. */
export function prepare(app, pane) {
  const { viewport } = pane;
  viewport.layers.push((context) => {
    const { layer, map } = app.over(pane);
    if (layer && map && app.settings.heat && !isEmpty(layer, app.settings)) paintHeat(context, map, app.settings.opacity);
  });
  viewport.painters.push((context) => {
    const { outline } = app.over(pane);
    if (outline && app.settings.outline) paintOutline(context, outline, viewport.matrix());
    app.layout.paint(context, pane);
    viewport.below = below(pane);
    const labels = new Labels();
    if (pane === app.layout.panes[0]) app.tools?.draw(context, labels);
    else if (pane.source === app.main) app.tools?.drawKey(context, viewport, labels);
    if (pane.source === app.main) app.theirs.draw(context, viewport, labels);
    const noted = corners(context, pane, notes(pane, app.over(pane).layer, app.settings));
    if (noted) labels.avoid(noted);
    labels.draw(context, viewport.below);
    const loaded = pane.source.loader.loaded(pane.series);
    Object.assign(viewport.host.dataset, { slice: pane.at + 1, loaded, window: pane.window.map(Math.round).join(" ") });
    if (pane === app.layout.pane) tell(app);
    if (viewport.image || pane.source.loader.error) end(app.host);
    if (!viewport.image) return;
    viewport.host.dataset.drawn = String(pane.at + 1);
    viewport.host.dispatchEvent(new CustomEvent("drawn", { detail: pane.at }));
  });
  listen(pane, {
    zooming: () => app.zooming,
    tools: () => (app.tool && pane === app.layout.panes[0] ? app.tools : null),
    onClick: (point) => app.layout.cross(pane, point),
    onPoint: ({ x, y }) => {
      if (!pane.cut) app.pointed = { source: pane.source, series: pane.series, at: pane.at, x, y };
    },
    onTouch: () => {
      app.host.focus({ preventScroll: true });
      app.fold();
      if (app.layout.pane === pane) return;
      app.layout.activate(pane);
      toolbar(app); // its choices, and what is said below, are those of this pane
    },
  });
}
