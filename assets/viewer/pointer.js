// @ts-check
/** Mouse and touch on a pane: window, pan, zoom, slices. */

/** @typedef {import("./pane.js").Pane} Pane */
/**
 * @typedef {object} Helpers
 * @property {() => boolean} zooming Whether the left button zooms.
 * @property {() => any} tools The tools of the pane if one of them is chosen, or null.
 * @property {(point: {x: number, y: number}) => void} onClick A click without a movement, in pixels of the picture.
 * @property {(point: {x: number, y: number}) => void} onPoint A click with whatever the left button does.
 * @property {() => void} onTouch The pane was touched: it is the one that keys act on.
 */

/** Pixels of a wheel that are one notch, and of a trackpad, which sends many small steps. */
const NOTCH = 120;
const SMALL = 50;
const TRACKPAD = 40;
/** Pixels that a finger moves for one slice, and the pointer before it is no click any more. */
const FINGER = 12;
const STILL = 3;
const ZOOM_BY_PIXEL = 0.006;
const ZOOM_BY_NOTCH = 1.15;
/** Movement across the picture that changes the window by the whole range of the values: pixels. */
const WINDOW_RANGE = 900;

/**
 * Listen to the mouse and to fingers on a pane.
 *
 * @param {Pane} pane
 * @param {Helpers} helpers
 */
export function listen(pane, helpers) {
  const { viewport } = pane;
  const { overlay } = viewport;
  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();
  let mode = "";
  let rest = 0;
  let start = { x: 0, y: 0 };
  let moved = false;

  overlay.addEventListener("contextmenu", (event) => event.preventDefault());
  overlay.addEventListener("dblclick", () => helpers.tools() || viewport.fit());
  overlay.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (event.ctrlKey) return viewport.zoom(ZOOM_BY_NOTCH ** -Math.sign(event.deltaY), event.clientX, event.clientY);
      const size = Math.abs(event.deltaY);
      if (event.deltaMode !== 0) return pane.move(Math.sign(event.deltaY));
      if (size >= SMALL) return pane.move(Math.sign(event.deltaY) * Math.max(Math.round(size / NOTCH), 1));
      rest += event.deltaY;
      pane.move(Math.trunc(rest / TRACKPAD));
      rest %= TRACKPAD;
    },
    { passive: false },
  );

  overlay.addEventListener("pointerdown", (event) => {
    helpers.onTouch();
    overlay.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    start = { x: event.clientX, y: event.clientY };
    moved = false;
    rest = 0;
    if (event.button === 1) event.preventDefault(); // no scrolling by the middle button
    if (event.pointerType === "touch") mode = fingers.size === 1 ? "slices" : "pinch";
    else if (event.button === 0 && !event.shiftKey && helpers.tools()?.pointerDown(event)) mode = "tool";
    else if (event.button === 2 || (event.button === 0 && helpers.zooming())) mode = "zoom";
    else if (event.button === 1 || event.shiftKey) mode = "pan";
    else mode = "window";
  });

  overlay.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return void (helpers.tools()?.pointerMove(event) && viewport.requestDraw());
    if (mode === "tool") return void helpers.tools()?.pointerMove(event);
    const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
    moved ||= Math.hypot(event.clientX - start.x, event.clientY - start.y) > STILL;
    const apart = distance(fingers);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (mode === "pan") pan(dx, dy);
    else if (mode === "zoom") viewport.zoom(Math.exp(-dy * ZOOM_BY_PIXEL), start.x, start.y);
    else if (mode === "window" && moved) rewindow(pane, dx, dy);
    else if (mode === "slices") {
      rest += dy;
      pane.move(Math.trunc(rest / FINGER));
      rest %= FINGER;
    } else if (mode === "pinch" && fingers.size === 2) {
      const [one, other] = [...fingers.values()];
      viewport.zoom(distance(fingers) / (apart || 1), (one.x + other.x) / 2, (one.y + other.y) / 2);
      pan(dx / 2, dy / 2);
    }
  });

  for (const kind of /** @type {const} */ (["pointerup", "pointercancel"])) {
    overlay.addEventListener(kind, (event) => {
      fingers.delete(event.pointerId);
      const still = Math.hypot(event.clientX - start.x, event.clientY - start.y) <= STILL && !moved;
      if (still && (mode === "tool" || mode === "window")) helpers.onPoint(viewport.toImage(event.clientX, event.clientY));
      if (mode === "tool" && kind === "pointercancel") helpers.tools()?.pointerCancel();
      else if (mode === "tool") helpers.tools()?.pointerUp(event);
      else if (mode === "window" && !moved) helpers.onClick(viewport.toImage(event.clientX, event.clientY));
      if (!fingers.size) mode = "";
    });
  }

  /** @param {number} dx @param {number} dy */
  function pan(dx, dy) {
    viewport.view.x += dx;
    viewport.view.y += dy;
    viewport.requestDraw();
  }
}

/**
 * Widen the window to the right, raise it downwards.
 *
 * @param {Pane} pane
 * @param {number} dx
 * @param {number} dy
 */
function rewindow(pane, dx, dy) {
  const [centre, width] = pane.window;
  const range = pane.head.presets.full[1] / WINDOW_RANGE;
  const sign = pane.slice.slope < 0 ? -1 : 1;
  pane.window = [centre + sign * dy * range, Math.max(width + dx * range, range / 10)];
}

/** @param {Map<number, {x: number, y: number}>} fingers */
function distance(fingers) {
  const [one, other] = [...fingers.values()];
  return other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
}
