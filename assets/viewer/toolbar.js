// @ts-check
/** Buttons and choices above the picture, and what colours mean below it. */
import { day, decimals, t } from "../t.js";
import { act, show, WINDOWS } from "./actions.js";
import { button, choice, labelled, onOneRow, thumbnails, unfolding } from "./bar.js";
import { short } from "./corners.js";
import { ACTIONS } from "./keys.js";
import { gradient } from "./paint.js";
import { COLOURS } from "./strip.js";
import { outlineTools, tellKey, theirMarks, TOOL, toolButtons } from "./toolbox.js";

/** @typedef {import("./main.js").App} App */

const METHODS = /** @type {Array<[string, string]>} */ ([
  ["cam", "HiResCAM"],
  ["grad_cam", "Grad-CAM"],
  ["grad_cam_plus_plus", "Grad-CAM++"],
  ["score_cam", "ScoreCAM"],
]);

/** Names of the windows that are words. @type {Record<string, string>} */
const WINDOW_NAMES = { brain: t("brain"), contrast: t("contrast"), full: t("full") };

/** @param {[string, string]} window Action, and name of the server. @returns {[string, string]} */
function named([action, name]) {
  return [action, WINDOW_NAMES[name] ?? name];
}

/** @param {App} app Draw all of it for what is on the screen now. */
export function toolbar(app) {
  const { layout, settings, zooming } = app;
  const { pane } = layout;
  const { head } = pane.source;
  /** @param {string} label @param {string} action @param {boolean} [pressed] @param {string} [picture] */
  const key = (label, action, pressed, picture) => {
    const made = button(label, `${ACTIONS[action]} (${app.keys[action]?.[0] ?? t("no key")})`, () => act(app, action), picture);
    if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
    return made;
  };
  const planes = key(t("3 planes"), "layout-planes", layout.kind === "planes");
  if (layout.withoutPlanes) {
    planes.disabled = true;
    planes.title = t("No three planes. {reason}.", { reason: layout.withoutPlanes });
  }
  const arrangements = [key("1", "layout-one", layout.kind === "one"), key("2", "layout-two", layout.kind === "two"), planes];
  const [pictures, windows] = [seriesChoices(app), windowChoice(app)];
  const overlays = [
    ...(head.answer ? [key(t("Outline"), "outline", settings.outline), key(t("Heat map"), "heat", settings.heat)] : []),
    ...theirMarks(app),
  ];
  const [keyImage, length, ...measuring] = toolButtons(app);
  const zoom = key(t("Zoom"), "zoom-tool", zooming, "zoom");
  zoom.classList.add(TOOL);
  const rest = [
    ...measuring,
    zoom,
    ...(head.suspicious ? [key(t("AI's slice"), "suspicious")] : []),
    ...planeChoice(app),
    outlineTools(app),
    ...(head.answer ? [mapChoices(app)] : []),
  ];
  const more = unfolding(app, t("More"), []);
  more.className = "nt-more";
  const bar = app.part("bar");
  const focused = bar.contains(document.activeElement) ? document.activeElement?.textContent : null;
  const whole = key(t("Whole screen"), "whole", undefined, "whole");
  whole.hidden = !document.fullscreenEnabled;
  const sheet = key("?", "help");
  sheet.onclick = null;
  sheet.popoverTargetElement = app.part("help"); // a press that closes it does not open it again
  bar.replaceChildren(group(arrangements), group([...pictures, windows, ...overlays, keyImage, length, ...rest]), group([more, whole, sheet]));
  onOneRow(bar, [...overlays, ...pictures, length, windows, keyImage, ...rest], more);
  // The buttons are new: who pressed one with the keyboard stays on it.
  if (focused) {
    const same = [...bar.querySelectorAll(":is(button,summary)")].find((one) => one.textContent === focused && one.checkVisibility());
    /** @type {HTMLElement} */ (same ?? app.host).focus({ preventScroll: true });
  }
  const [main] = layout.panes;
  thumbnails(app.part("thumbs"), main.source.head, () => main.series, (at) => void show(app, 0, main.source.head.id, at, null));
  legend(app);
}

/** Class of the choice of the window. */
const WINDOW = "nt-window";

/** @param {App} app @returns {HTMLElement} The windows; the one in force is chosen. */
function windowChoice(app) {
  const { slice } = app.layout.pane;
  const file = slice.window ? t("as the file says") : t("automatic");
  /** @type {Array<[string, string]>} */
  const known = [["window-file", file], ...Object.entries(WINDOWS).map(named)];
  const made = choice(t("Window"), known, "", (action) => act(app, action));
  made.classList.add(WINDOW);
  made.append(Object.assign(new Option("", ""), { hidden: true })); // it cannot be chosen, only made
  tellWindow(app, made);
  return made;
}

/**
 * Say which window is in force: the name of a preset while it is that, else its numbers.
 *
 * @param {App} app
 * @param {HTMLSelectElement | null} [box]
 */
function tellWindow(app, box = app.part("bar").querySelector(`.${WINDOW}`)) {
  const { pane } = app.layout;
  if (!box || !pane) return;
  const [centre, width] = pane.window;
  /** @param {[number, number]} one */
  const same = (one) => one[0] === centre && one[1] === width;
  const presets = Object.entries(WINDOWS).filter(([, name]) => same(pane.head.presets[name]));
  const found = same(pane.fileWindow) ? "window-file" : (presets[0]?.[0] ?? "");
  const own = /** @type {HTMLOptionElement} */ (box.options[box.options.length - 1]);
  own.text = t("W {width} L {level}", { width: short(width), level: short(centre) });
  if (box.value !== found) box.value = found;
}

/** @param {App} app Say on the buttons how the slice on the screen is, without making them anew. */
export function tell(app) {
  tellWindow(app);
  tellKey(app);
}

/** @param {HTMLElement[]} parts */
function group(parts) {
  const made = document.createElement("span");
  made.append(...parts);
  return made;
}

/** @param {App} app @returns {HTMLElement[]} Study and series of the pane that keys act on. */
function seriesChoices(app) {
  const { layout } = app;
  const { pane } = layout;
  const found = [];
  /** @type {Array<[string, string, string?]>} */
  const series = pane.source.head.series.map((one, at) => [String(at), one.aside ? `${one.label} · ${t("not scored")}` : one.label]);
  const others = app.main.head.others.map((one) => /** @type {[string, string]} */ ([one.id, `${day(one.date)} ${one.label}`]));
  if (layout.kind === "two" && others.length) {
    const studies = /** @type {Array<[string, string]>} */ ([[app.main.head.id, t("This study {day}", { day: day(app.main.head.date) })], ...others]);
    // The first pane keeps the study that is read: marks are drawn there.
    const beside = layout.panes[1].source.head.id;
    found.push(choice(t("Study in the second pane"), studies, beside, (id) => void show(app, 1, id, 0, null)));
  }
  if (series.length > 1 && layout.kind === "two") {
    const chosen = String(pane.series);
    found.push(choice(t("Series in this pane"), series, chosen, (at) => void show(app, layout.active, pane.source.head.id, Number(at), null)));
  }
  return found;
}

/** @param {App} app @returns {HTMLElement[]} Plane of the pane that keys act on, if it is not one of three. */
function planeChoice(app) {
  const { layout } = app;
  const { pane } = layout;
  if (!pane.head.planes || layout.kind === "planes") return [];
  const planes = Object.keys(pane.head.planes).map((one) => /** @type {[string, string]} */ ([one, t(one)]));
  const chosen = pane.plane ?? pane.head.plane ?? "";
  return [choice(t("Plane"), planes, chosen, (plane) => void show(app, layout.active, pane.source.head.id, pane.series, plane))];
}

/** @param {App} app @returns {HTMLElement} How the heat map is made and shown. */
function mapChoices(app) {
  const { settings } = app;
  const { findings } = app.main.head;
  const opacity = document.createElement("input");
  Object.assign(opacity, { type: "range", min: "0", max: "1", step: "0.05", value: String(settings.opacity), title: t("Opacity of the heat map") });
  opacity.setAttribute("aria-label", t("Opacity of the heat map"));
  opacity.oninput = () => {
    settings.opacity = Number(opacity.value);
    for (const pane of app.layout.panes) pane.viewport.requestDraw();
  };
  opacity.onchange = () => app.host.focus({ preventScroll: true });
  const classes = /** @type {Array<[string, string]>} */ ([["", t("of the answer")], ...Object.entries(findings)]);
  return unfolding(app, t("Map"), [
    labelled(t("Class"), choice(t("Class of the heat map"), classes, settings.finding, (finding) => app.change({ finding }))),
    labelled(t("Method"), choice(t("How the heat map is made"), METHODS, settings.method, (method) => app.change({ method }))),
    labelled(t("Opacity"), opacity),
  ]);
}

/** @param {App} app Say what height and colour of the bar mean, and the colours of the heat map. */
function legend(app) {
  const { pane } = app.layout;
  const parts = [];
  const scored = !pane.cut && pane.head.scores.length > 0;
  if (scored) {
    parts.push(said(t("Height: P(tumour) of the slice. Colour:")));
    for (const [finding, label] of Object.entries(pane.source.head.findings)) parts.push(said(label, COLOURS[finding]));
    if (pane.head.step > 1) parts.push(said(t("Thin slices: one in {step} was scored", { step: pane.head.step })));
  } else if (pane.cut) {
    parts.push(said(t("Reformatted from the {plane} slices; the AI scored those", { plane: t(pane.head.plane ?? "") })));
    if (pane.cut.finer > 1) parts.push(said(t("Interpolated between slices {step} mm apart", { step: decimals(apart(pane.cut), 1) })));
  }
  else if (!app.data.blind) parts.push(said(t("The AI scored no slice of this series")));
  if (app.settings.heat && pane.source.head.answer && !pane.head.aside) {
    parts.push(said(t("Heat map: 0"), gradient(), t("strongest of the slice")));
  }
  if (pane.source.head.set_aside.length) {
    const aside = said(t("Series set aside: {count}", { count: pane.source.head.set_aside.length }));
    aside.title = pane.source.head.set_aside.join("\n");
    parts.push(aside);
  }
  const message = said([app.drawn?.message, app.notice].filter(Boolean).join(" "));
  message.prepend(...app.news.flatMap((one) => [Object.assign(document.createElement("b"), { textContent: one }), " "]));
  message.className = "nt-message";
  message.title = message.textContent ?? "";
  app.part("legend").replaceChildren(message, ...parts);
}

/** @param {import("./types.js").Cut} cut @returns {number} Millimetres from one acquired slice to the next. */
function apart(cut) {
  return cut.spacing[cut.down[0] === 0 ? 0 : 1];
}

/** @param {string} text @param {string} [colour] @param {string} [end] What stands at the other end of a scale. */
function said(text, colour, end) {
  const made = document.createElement("span");
  if (colour) {
    const mark = document.createElement("i");
    mark.style.background = colour;
    if (end) mark.className = "nt-scale";
    made.append(...(end ? [text, mark, end] : [mark, text]));
  } else made.append(text);
  return made;
}
