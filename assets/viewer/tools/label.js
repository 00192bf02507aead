// @ts-check
/**
 * Labels on the overlay: beside what they belong to, never over it, within the pane, and where there is room off other
 * labels and marks.
 *
 * @typedef {import("./types.js").Point} Point
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box
 *
 * @typedef {object} Mark what is measured, on the screen
 * @property {string} kind
 * @property {Point[]} points of an ellipse, the middles of its sides
 * @property {Point[]} line points along what is drawn, a few pixels apart
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
/** Pixels that a label stands off further, where the places beside what is measured are taken. */
const OFF = [0, 28, 56, 84];
/** What it costs a label to lie on another one, on a line, on what is measured, or where a letter may stand. */
const COSTS = { label: 100, line: 10, structure: 1, room: 1 };

/**
 * Write lines of text.
 *
 * @param {CanvasRenderingContext2D} ctx
 * @param {string[]} lines
 * @param {Point} at upper left corner
 * @param {string} colour
 * @returns {[number, number]} their width and height
 */
function write(ctx, lines, at, colour) {
  prepare(ctx);
  ctx.lineWidth = 4;
  ctx.fillStyle = colour;
  lines.forEach((line, number) => {
    const y = at.y + (number + 0.5) * LINE_HEIGHT;
    ctx.strokeText(line, at.x, y);
    ctx.fillText(line, at.x, y);
  });
  return sizeOf(ctx, lines);
}

/** @param {CanvasRenderingContext2D} ctx @param {string[]} lines @returns {[number, number]} */
function sizeOf(ctx, lines) {
  return [Math.max(...lines.map((line) => ctx.measureText(line).width)), lines.length * LINE_HEIGHT];
}

/** Labels of all that is drawn on a slice: they are placed once it is known what lies there. */
export class Labels {
  /** @type {{mark: Mark, lines: string[], colour: string}[]} */
  #wanted = [];
  /** What is written already. @type {Box[]} */
  #taken = [];

  /** @param {Mark} mark @param {string[]} lines @param {string} colour */
  add(mark, lines, colour) {
    this.#wanted.push({ mark, lines, colour });
  }

  /** No label lies where something else is written. @param {Box} box */
  avoid(box) {
    this.#taken.push(box);
  }

  /** Write lines at a place of their own. @param {CanvasRenderingContext2D} ctx @param {string[]} lines @param {Point} at upper left corner @param {string} colour */
  write(ctx, lines, at, colour) {
    const [width, height] = write(ctx, lines, at, colour);
    this.avoid({ left: at.x, top: at.y, right: at.x + width, bottom: at.y + height });
  }

  /**
   * Write each label beside what it belongs to; a leader says what that is if it is far away.
   *
   * @param {CanvasRenderingContext2D} ctx
   * @param {number} below lower edge of what is written at the upper edge of the pane
   */
  draw(ctx, below) {
    const { clientWidth, clientHeight } = ctx.canvas;
    const whole = { left: 4, top: 4, right: clientWidth - 4, bottom: clientHeight - 4 };
    const free = { left: EDGE, top: below, right: clientWidth - EDGE, bottom: clientHeight - LOWER };
    prepare(ctx);
    for (const { mark, lines, colour } of this.#wanted) {
      const size = sizeOf(ctx, lines);
      const others = this.#wanted.map((one) => one.mark).filter((one) => one !== mark);
      const found = placeBeside(mark, size, [free, whole], others, this.#taken);
      const { anchor } = found;
      const near = { x: clamped(anchor.x, found.x - 3, found.x + size[0] + 3), y: clamped(anchor.y, found.y, found.y + size[1]) };
      if (Math.hypot(near.x - anchor.x, near.y - anchor.y) > FAR) leader(ctx, anchor, near, colour);
      this.write(ctx, lines, found, colour);
    }
  }
}

/**
 * The first place for a label that is free: right, left, below or above what is measured, near it or further off; where
 * there is none, the one that hides least.
 *
 * @param {Mark} mark
 * @param {[number, number]} size width and height of the label
 * @param {Box[]} rooms where it may lie, the best first
 * @param {Mark[]} others what else is measured on the slice
 * @param {Box[]} taken what is written there already
 * @returns {Point & {anchor: Point}} upper left corner, and the point that it belongs to
 */
export function placeBeside({ kind, points, line }, size, rooms, others, taken) {
  const tight = boxOf(points);
  const own = structureOf({ kind, points, line });
  let [best, least] = [/** @type {(Point & {anchor: Point}) | null} */ (null), Infinity];
  for (const [number, room] of rooms.entries()) {
    for (const off of OFF) {
      for (const box of own ? [own, tight] : [tight]) {
        for (const place of sidesOf(grown(box, off), points, size, room)) {
          const label = { left: place.x, top: place.y, right: place.x + size[0], bottom: place.y + size[1] };
          const cost = costOf(label, own, others, taken) + COSTS.room * number;
          if (cost < least) [best, least] = [place, cost];
          if (!cost) return place;
        }
      }
    }
  }
  if (best) return best;
  const room = rooms[rooms.length - 1];
  const anchor = extreme(points, (one) => one.x);
  return { ...slid({ x: anchor.x + GAP, y: anchor.y - size[1] / 2 }, size, room), anchor };
}

/** @param {Box} label @param {Box | null} own @param {Mark[]} others @param {Box[]} taken @returns {number} 0 if it hides nothing */
function costOf(label, own, others, taken) {
  const structures = [own, ...others.map(structureOf)].filter((one) => one !== null && overlap(label, one)).length;
  const lines = others.filter(({ line }) => line.some(({ x, y }) => overlap(label, { left: x, top: y, right: x, bottom: y }))).length;
  const labels = taken.filter((one) => overlap(label, one)).length;
  return COSTS.label * labels + COSTS.line * lines + COSTS.structure * structures;
}

/**
 * @param {Box} box @param {Point[]} points @param {[number, number]} size @param {Box} room
 * @returns {(Point & {anchor: Point})[]} Places beside a box that the room has.
 */
function sidesOf(box, points, [width, height], room) {
  const [right, left] = [extreme(points, ({ x }) => x), extreme(points, ({ x }) => -x)];
  const [lower, upper] = [extreme(points, ({ y }) => y), extreme(points, ({ y }) => -y)];
  const places = [
    { x: box.right + GAP, y: right.y - height / 2, anchor: right },
    { x: box.left - GAP - width, y: left.y - height / 2, anchor: left },
    { x: lower.x - width / 2, y: box.bottom + GAP, anchor: lower },
    { x: upper.x - width / 2, y: box.top - GAP - height, anchor: upper },
  ];
  return places.flatMap(({ x, y, anchor }, number) => {
    const within = slid({ x, y }, [width, height], room);
    return (number < 2 ? within.x === x : within.y === y) ? [{ ...within, anchor }] : [];
  });
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

/** @param {Box} box @param {number} by @returns {Box} */
function grown({ left, top, right, bottom }, by) {
  return { left: left - by, top: top - by, right: right + by, bottom: bottom + by };
}

/** @param {Box} one @param {Box} other */
function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

/**
 * What is measured, which no label should hide: a lesion is about as wide as the line through it is long.
 *
 * @param {Mark} mark
 * @returns {Box | null} Null of a longer line, which has no width.
 */
function structureOf({ kind, points }) {
  const box = boxOf(points);
  if (kind !== "length") return box;
  const half = Math.hypot(box.right - box.left, box.bottom - box.top) / 2;
  if (half > LESION) return null;
  const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
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
