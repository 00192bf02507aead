// @ts-check
/**
 * Labels on the overlay: beside what they belong to, never over it, and within the pane.
 *
 * @typedef {import("./types.js").Point} Point
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box
 */

const FONT = "600 13px system-ui, sans-serif";
const RIM = "rgba(0, 0, 0, 0.85)";
export const LINE_HEIGHT = 17;
/** Pixels from what is measured to its label. */
const GAP = 12;
/** Length of a leader from which on it is drawn: a label that is nearer needs none. */
const FAR = 20;
/** Pixels at the left and right edge that belong to the letters of orientation. */
const EDGE = 24;
/** Pixels at the lower edge that belong to letter and scale bar. */
const LOWER = 44;
/** Half the length of a line that may measure a lesion; a longer one has its label at the line itself. */
const LESION = 90;

/**
 * Write lines of text.
 *
 * @param {CanvasRenderingContext2D} ctx
 * @param {string[]} lines
 * @param {Point} at upper left corner
 * @param {string} colour
 */
export function write(ctx, lines, at, colour) {
  prepare(ctx);
  ctx.lineWidth = 4;
  ctx.fillStyle = colour;
  lines.forEach((line, number) => {
    const y = at.y + (number + 0.5) * LINE_HEIGHT;
    ctx.strokeText(line, at.x, y);
    ctx.fillText(line, at.x, y);
  });
}

/**
 * Write lines of text beside what they belong to; a leader says what that is if they are far from it.
 *
 * @param {CanvasRenderingContext2D} ctx
 * @param {string[]} lines
 * @param {Point[]} points what is measured, on the screen; of an ellipse, the middles of its sides
 * @param {string} kind
 * @param {number} below lower edge of what is written at the upper edge of the pane
 * @param {string} colour
 */
export function writeBeside(ctx, lines, points, kind, below, colour) {
  prepare(ctx);
  const size = /** @type {[number, number]} */ ([Math.max(...lines.map((line) => ctx.measureText(line).width)), lines.length * LINE_HEIGHT]);
  const { clientWidth, clientHeight } = ctx.canvas;
  const whole = { left: 4, top: 4, right: clientWidth - 4, bottom: clientHeight - 4 };
  const free = { left: EDGE, top: below, right: clientWidth - EDGE, bottom: clientHeight - LOWER };
  const found = placeBeside(points, kind, size, [free, whole]);
  const { anchor } = found;
  const near = { x: clamped(anchor.x, found.x - 3, found.x + size[0] + 3), y: clamped(anchor.y, found.y, found.y + size[1]) };
  if (Math.hypot(near.x - anchor.x, near.y - anchor.y) > FAR) leader(ctx, anchor, near, colour);
  write(ctx, lines, found, colour);
}

/**
 * The first place for a label that is free: right, left, below or above what is measured.
 *
 * @param {Point[]} points
 * @param {string} kind
 * @param {[number, number]} size width and height of the label
 * @param {Box[]} rooms where it may lie, the best first
 * @returns {Point & {anchor: Point}} upper left corner, and the point that it belongs to
 */
export function placeBeside(points, kind, size, rooms) {
  const tight = boxOf(points);
  const boxes = kind === "length" ? [around(tight), tight] : [tight];
  for (const room of rooms) {
    for (const box of boxes) {
      const found = sideOf(box, points, size, room);
      if (found) return found;
    }
  }
  const [room] = rooms.slice(-1);
  const anchor = extreme(points, (one) => one.x);
  return { ...slid({ x: anchor.x + GAP, y: anchor.y - size[1] / 2 }, size, room), anchor };
}

/**
 * @param {Box} box @param {Point[]} points @param {[number, number]} size @param {Box} room
 * @returns {(Point & {anchor: Point}) | null}
 */
function sideOf(box, points, [width, height], room) {
  const [right, left] = [extreme(points, ({ x }) => x), extreme(points, ({ x }) => -x)];
  const [lower, upper] = [extreme(points, ({ y }) => y), extreme(points, ({ y }) => -y)];
  const places = [
    { x: box.right + GAP, y: right.y - height / 2, anchor: right },
    { x: box.left - GAP - width, y: left.y - height / 2, anchor: left },
    { x: lower.x - width / 2, y: box.bottom + GAP, anchor: lower },
    { x: upper.x - width / 2, y: box.top - GAP - height, anchor: upper },
  ];
  for (const [number, { x, y, anchor }] of places.entries()) {
    const within = slid({ x, y }, [width, height], room);
    if (number < 2 ? within.x === x : within.y === y) return { ...within, anchor };
  }
  return null;
}

/** @param {Point} place @param {[number, number]} size @param {Box} room @returns {Point} as near as the room allows */
function slid({ x, y }, [width, height], room) {
  return { x: clamped(x, room.left, room.right - width), y: clamped(y, room.top, room.bottom - height) };
}

/** @param {number} value @param {number} least @param {number} most */
function clamped(value, least, most) {
  return Math.max(Math.min(value, most), least);
}

/** @param {Point[]} points @param {(one: Point) => number} by @returns {Point} of equal ones, the last */
function extreme(points, by) {
  return points.reduce((best, one) => (by(one) >= by(best) ? one : best));
}

/** @param {Point[]} points @returns {Box} */
function boxOf(points) {
  const [across, down] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  return { left: Math.min(...across), top: Math.min(...down), right: Math.max(...across), bottom: Math.max(...down) };
}

/** @param {Box} line @returns {Box} What a line measures is about as wide as the line is long. */
function around({ left, top, right, bottom }) {
  const half = Math.hypot(right - left, bottom - top) / 2;
  if (half > LESION) return { left, top, right, bottom };
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return { left: x - half, top: y - half, right: x + half, bottom: y + half };
}

/** @param {CanvasRenderingContext2D} ctx @param {Point} from @param {Point} to @param {string} colour */
function leader(ctx, from, to, colour) {
  ctx.save();
  ctx.setLineDash([2, 3]);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(from.x, from.y);
  ctx.lineTo(to.x, to.y);
  ctx.stroke();
  ctx.restore();
}

/** @param {CanvasRenderingContext2D} ctx */
function prepare(ctx) {
  ctx.font = FONT;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.strokeStyle = RIM;
}
