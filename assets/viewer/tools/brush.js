// @ts-check
/**
 * Masks: packed into runs and back, painted with a round brush, filled inside a line.
 *
 * @typedef {import("./types.js").Bitmap} Bitmap
 * @typedef {import("./types.js").Mask} Mask
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").Spacing} Spacing
 */

/** @param {number} rows @param {number} columns @returns {Bitmap} */
export function blank(rows, columns) {
  return { bits: new Uint8Array(rows * columns), rows, columns };
}

/**
 * @param {Bitmap} bitmap
 * @param {string} [origin] the model whose outline it began as; of an empty mask nothing is left of it
 * @returns {Mask}
 */
export function packed({ bits, rows, columns }, origin = "") {
  const runs = [];
  let [inside, start] = [0, 0];
  for (let at = 0; at <= bits.length; at++) {
    if (at < bits.length && bits[at] === inside) continue;
    runs.push(at - start);
    start = at;
    inside = 1 - inside;
  }
  return { rows, columns, runs, ...(origin && runs.length > 1 ? { origin } : {}) };
}

/** @param {Mask} mask @returns {Bitmap} */
export function unpacked({ rows, columns, runs }) {
  const bitmap = blank(rows, columns);
  let at = 0;
  runs.forEach((run, turn) => {
    if (turn % 2) bitmap.bits.fill(1, at, at + run);
    at += run;
  });
  return bitmap;
}

/** @param {Mask | undefined} mask */
export function isEmpty(mask) {
  return !mask || mask.runs.length < 2;
}

/**
 * Paint what a round brush covers on its way: the pixels whose centres are within its radius, and always those beneath
 * its two ends.
 * @param {Bitmap} bitmap changed in place
 * @param {Point} from @param {Point} to
 * @param {number} radius millimetres, or pixels without spacing
 * @param {Spacing | null} spacing
 * @param {0 | 1} value
 */
export function paint(bitmap, from, to, radius, spacing, value) {
  const { bits, rows, columns } = bitmap;
  const [down, along] = spacing ?? [1, 1];
  const [dx, dy] = [(to.x - from.x) * along, (to.y - from.y) * down];
  const long = dx * dx + dy * dy;
  const [wide, high] = [radius / along, radius / down];
  const bottom = Math.min(rows - 1, Math.ceil(Math.max(from.y, to.y) + high));
  const right = Math.min(columns - 1, Math.ceil(Math.max(from.x, to.x) + wide));
  for (let y = Math.max(0, Math.floor(Math.min(from.y, to.y) - high)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.floor(Math.min(from.x, to.x) - wide)); x <= right; x++) {
      const [px, py] = [(x + 0.5 - from.x) * along, (y + 0.5 - from.y) * down];
      const share = long ? Math.max(0, Math.min(1, (px * dx + py * dy) / long)) : 0;
      if ((px - share * dx) ** 2 + (py - share * dy) ** 2 <= radius * radius) bits[y * columns + x] = value;
    }
  }
  for (const { x, y } of [from, to]) {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column >= 0 && row >= 0 && column < columns && row < rows) bits[row * columns + column] = value;
  }
}

/**
 * Set the pixels whose centres are inside a closed line (even-odd rule).
 * @param {Bitmap} bitmap changed in place
 * @param {Point[]} line its last point is joined to its first
 * @param {0 | 1} value
 * @returns {boolean} whether there are any
 */
export function fillLine(bitmap, line, value) {
  const { bits, rows, columns } = bitmap;
  let found = false;
  for (let y = 0; y < rows; y++) {
    const crossings = [];
    for (let at = 0; at < line.length; at++) {
      const [a, b] = [line[at], line[(at + 1) % line.length]];
      if (a.y <= y + 0.5 !== b.y <= y + 0.5) crossings.push(a.x + ((y + 0.5 - a.y) / (b.y - a.y)) * (b.x - a.x));
    }
    crossings.sort((a, b) => a - b);
    for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
      const start = Math.max(0, Math.ceil(crossings[pair] - 0.5));
      const end = Math.min(columns, Math.ceil(crossings[pair + 1] - 0.5));
      if (start >= end) continue;
      bits.fill(value, y * columns + start, y * columns + end);
      found = true;
    }
  }
  return found;
}

/**
 * Fill the hole around a point, whose border is closed by pixels inside the mask.
 * @param {Bitmap} bitmap changed in place, unless the hole is open
 * @param {Point} point
 * @returns {boolean} false if the line around the point is not closed, or the point is not in a hole
 */
export function fillHole(bitmap, point) {
  const { bits, rows, columns } = bitmap;
  const [column, row] = [Math.floor(point.x), Math.floor(point.y)];
  if (column < 0 || row < 0 || column >= columns || row >= rows || bits[row * columns + column]) return false;
  const seen = new Uint8Array(bits.length);
  const open = [row * columns + column];
  seen[open[0]] = 1;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const [x, y] = [at % columns, Math.floor(at / columns)];
    if (x === 0 || y === 0 || x === columns - 1 || y === rows - 1) return false;
    for (const next of [at - 1, at + 1, at - columns, at + columns]) {
      if (seen[next] || bits[next]) continue;
      seen[next] = 1;
      open.push(next);
    }
  }
  for (let at = 0; at < bits.length; at++) bits[at] |= seen[at];
  return true;
}
