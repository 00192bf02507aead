// @ts-check
/** What each action of keys.json does. */
import { t } from "../t.js";
import { withAside } from "./aside.js";

/** @typedef {import("./main.js").App} App */

const PAGE = 10;
const CINE = 100; // milliseconds for a slice
const ZOOM = 1.25;
/** Actions that only show another slice: the buttons stay as they are. */
const MOVES = new Set(["back", "forward", "page-back", "page-forward", "start", "end", "cine", "whole", "help"]);
/** Windows by action, named as the server names its presets. @type {Record<string, string>} */
export const WINDOWS = {
  "window-brain": "brain",
  "window-contrast": "contrast",
  "window-t2": "T2",
  "window-flair": "FLAIR",
  "window-full": "full",
};

/**
 * Do what a key or a button asks for.
 *
 * @param {App} app
 * @param {string} action One of keys.json.
 */
export function act(app, action) {
  const { pane } = app.layout;
  const { viewport } = pane;
  const { view } = viewport;
  /** @param {number} factor */
  const zoom = (factor) => {
    const box = viewport.overlay.getBoundingClientRect();
    viewport.zoom(factor, box.left + box.width / 2, box.top + box.height / 2);
  };
  /** @param {number} quarters To the right, as it is seen. */
  const turn = (quarters) => {
    view.turn = (view.turn + (view.flipAcross === view.flipDown ? quarters : 4 - quarters)) % 4;
  };
  /** @type {Record<string, () => unknown>} */
  const actions = {
    back: () => pane.move(-1),
    forward: () => pane.move(1),
    "page-back": () => pane.goTo(pane.at - PAGE),
    "page-forward": () => pane.goTo(pane.at + PAGE),
    start: () => pane.goTo(0),
    end: () => pane.goTo(pane.count - 1),
    suspicious: () => toSuspicious(app),
    cine: () => cine(app),
    "zoom-tool": () => app.choose("zoom"),
    "zoom-in": () => zoom(ZOOM),
    "zoom-out": () => zoom(1 / ZOOM),
    fit: () => viewport.fit(),
    "turn-right": () => turn(1),
    "turn-left": () => turn(3),
    "flip-across": () => (view.flipAcross = !view.flipAcross),
    "flip-down": () => (view.flipDown = !view.flipDown),
    invert: () => (view.inverted = !view.inverted),
    reset: () => pane.reset(),
    outline: () => (app.settings.outline = !app.settings.outline),
    heat: () => (app.settings.heat = !app.settings.heat),
    "window-file": () => (pane.window = pane.fileWindow),
    "layout-one": () => arrange(app, "one"),
    "layout-two": () => arrange(app, "two"),
    "layout-planes": () => arrange(app, "planes"),
    whole: () => whole(app.host),
    help: () => app.part("help").togglePopover(),
  };
  app.notice = "";
  if (action in WINDOWS) pane.window = pane.head.presets[WINDOWS[action]];
  actions[action]?.();
  if (!MOVES.has(action)) app.refresh();
}

/** @param {App} app */
function toSuspicious({ layout: { pane } }) {
  const { head } = pane.source;
  if (!head.suspicious) return;
  const [number, at] = head.suspicious;
  const series = head.series.findIndex((one) => one.number === number);
  if (pane.series !== series || pane.cut) pane.open(pane.source, series, null, at);
  else pane.goTo(at);
}

/** @param {App} app Run through the slices, or stop. */
function cine(app) {
  if (app.cine) {
    clearInterval(app.cine);
    app.cine = 0;
    return;
  }
  app.cine = window.setInterval(() => {
    const { pane } = app.layout;
    if (pane.at + 1 < pane.count) pane.move(1);
    else pane.goTo(0);
  }, CINE);
}

/** @param {HTMLElement} host Give the viewer the whole screen, or the page its place back. */
function whole(host) {
  const done = document.fullscreenElement ? document.exitFullscreen() : host.requestFullscreen();
  done.catch(() => {}); // a browser may refuse it; then all stays as it is
}

/** @param {App} app @param {import("./layout.js").Arrangement} kind */
function arrange(app, kind) {
  const { layout } = app;
  const [main] = layout.panes;
  if (kind === layout.kind) return;
  if (kind === "planes" && layout.withoutPlanes) {
    app.notice = t("No three planes. {reason}.", { reason: layout.withoutPlanes });
    return;
  }
  layout.arrange(kind, main.source, [main.series, main.at]);
  if (kind === "two") void beside(app);
}

/** @param {App} app Show another series in the second pane, or else the newest earlier study of the patient. */
async function beside(app) {
  const [main] = app.layout.panes;
  const { head } = main.source;
  await withAside(app, main.source);
  const prior = head.others.find((one) => one.date && one.date < head.date) ?? head.others[0];
  const [scored, aside] = [others(main, main.source, false), others(main, main.source, true)];
  if (scored.length || !prior) {
    if (!scored.length && !aside.length) app.notice = t("Nothing to compare with: this is the only series, and the patient has no other study here.");
    return show(app, 1, head.id, (scored.length ? scored : aside)[0] ?? main.series, null);
  }
  const source = await app.source(prior.id);
  await show(app, 1, prior.id, others(main, source, false)[0] ?? 0, null);
}

/**
 * @param {import("./pane.js").Pane} main
 * @param {import("./pane.js").Source} source
 * @param {boolean} aside Those that are not scored, or those that are.
 * @returns {number[]} Series of a study beside the one of a pane, those most like it first.
 */
function others(main, source, aside) {
  /** @param {number} at */
  const likeness = (at) => {
    const one = source.head.series[at];
    return Number(one.label === main.head.label) + 2 * Number(one.plane === main.head.plane);
  };
  const found = [...source.head.series.keys()].filter((at) => Boolean(source.head.series[at].aside) === aside);
  return found.filter((at) => source !== main.source || at !== main.series).sort((one, other) => likeness(other) - likeness(one));
}

/**
 * Show a series of any study of the patient in a pane.
 *
 * @param {App} app
 * @param {number} number Of the pane.
 * @param {string} id
 * @param {number} series Index in the study.
 * @param {string | null} plane
 */
export async function show(app, number, id, series, plane) {
  const source = await app.source(id);
  const { layout } = app;
  const pane = layout.panes[number];
  const head = source.head.series[series];
  if (!pane || !head) return;
  const { first } = source.head;
  const count = (plane && plane !== head.plane && head.planes?.[plane]?.count) || head.slices.length;
  const whole = count === head.slices.length;
  layout.open(pane, source, series, plane, whole && first?.[0] === head.number ? first[1] : count >> 1);
  if (layout.kind === "planes") layout.arrange("planes", source, [series, 0]);
  app.refresh();
}
