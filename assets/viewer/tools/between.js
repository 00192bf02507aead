// @ts-check
/**
 * Masks for the slices between two outlined ones, by the interpolated signed distance to the edge (shape-based
 * interpolation: Raya and Udupa, IEEE Trans. Med. Imaging 9, 1990).
 *
 * @typedef {import("./types.js").Bitmap} Bitmap
 * @typedef {import("./types.js").Spacing} Spacing
 */

/**
 * Distance of every pixel to the nearest one inside, in millimetres; Infinity if none is inside. Exact, in linear time:
 * Felzenszwalb and Huttenlocher, Theory of Computing 8, 2012.
 * @param {ArrayLike<number>} inside 0 or not, row by row
 * @param {number} rows @param {number} columns @param {Spacing} spacing
 * @returns {Float64Array}
 */
export function distances(inside, rows, columns, spacing) {
  const squares = new Float64Array(rows * columns);
  for (let at = 0; at < squares.length; at++) squares[at] = inside[at] ? 0 : Infinity;
  const room = new Room(Math.max(rows, columns));
  for (let x = 0; x < columns; x++) alongLine(squares, x, columns, rows, spacing[0], room);
  for (let y = 0; y < rows; y++) alongLine(squares, y * columns, 1, columns, spacing[1], room);
  for (let at = 0; at < squares.length; at++) squares[at] = Math.sqrt(squares[at]);
  return squares;
}

/**
 * Distance to the edge of a mask: negative inside, positive outside.
 * @param {Bitmap} bitmap @param {Spacing} spacing
 */
export function signedDistances({ bits, rows, columns }, spacing) {
  const outside = distances(bits, rows, columns, spacing);
  const inside = distances(bits.map((bit) => 1 - bit), rows, columns, spacing);
  for (let at = 0; at < outside.length; at++) outside[at] -= inside[at];
  return outside;
}

/**
 * The masks of so many slices, equally far apart, between two masks of the same size.
 * @param {Bitmap} first @param {Bitmap} last
 * @param {number} count
 * @param {Spacing | null} spacing
 * @returns {Bitmap[]}
 */
export function between(first, last, count, spacing) {
  const { rows, columns } = first;
  const box = around(first, last);
  const [from, to] = [first, last].map((bitmap) => signedDistances(cropped(bitmap, box), spacing ?? [1, 1]));
  return Array.from({ length: count }, (_, number) => {
    const share = (number + 1) / (count + 1);
    const bits = new Uint8Array(rows * columns);
    for (let at = 0; at < from.length; at++) {
      if (from[at] * (1 - share) + to[at] * share >= 0) continue;
      bits[(box.top + Math.floor(at / box.columns)) * columns + box.left + (at % box.columns)] = 1;
    }
    return { bits, rows, columns };
  });
}

/**
 * The box around both masks with one pixel more on each side: beyond it, both distances are positive, and no distance
 * within it depends on what is beyond.
 * @param {Bitmap} first @param {Bitmap} last
 */
function around(first, last) {
  const { rows, columns } = first;
  let [top, left, bottom, right] = [rows, columns, 0, 0];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      if (!first.bits[y * columns + x] && !last.bits[y * columns + x]) continue;
      [top, left] = [Math.min(top, y), Math.min(left, x)];
      [bottom, right] = [Math.max(bottom, y), Math.max(right, x)];
    }
  }
  [top, left] = [Math.max(0, top - 1), Math.max(0, left - 1)];
  return { top, left, rows: Math.min(rows, bottom + 2) - top, columns: Math.min(columns, right + 2) - left };
}

/** @param {Bitmap} bitmap @param {{top: number, left: number, rows: number, columns: number}} box @returns {Bitmap} */
function cropped(bitmap, { top, left, rows, columns }) {
  const bits = new Uint8Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    const start = (top + y) * bitmap.columns + left;
    bits.set(bitmap.bits.subarray(start, start + columns), y * columns);
  }
  return { bits, rows, columns };
}

/** Room for one line, used for all lines. */
class Room {
  constructor(/** @type {number} */ count) {
    this.values = new Float64Array(count);
    this.roots = new Int32Array(count);
    this.begins = new Float64Array(count);
  }
}

/**
 * Lower envelope of parabolas along one line of squared distances, in place.
 * @param {Float64Array} squares @param {number} start @param {number} stride @param {number} count @param {number} step
 * @param {Room} room
 */
function alongLine(squares, start, stride, count, step, { values, roots, begins }) {
  let last = -1;
  for (let at = 0; at < count; at++) {
    values[at] = squares[start + at * stride];
    if (values[at] === Infinity) continue;
    let begin = -Infinity;
    for (; last >= 0; last--) {
      const root = roots[last];
      begin = (at + root) / 2 + (values[at] - values[root]) / (2 * step * step * (at - root));
      if (begin > begins[last]) break;
      begin = -Infinity;
    }
    roots[++last] = at;
    begins[last] = begin;
  }
  if (last < 0) return;
  for (let at = 0, number = 0; at < count; at++) {
    while (number < last && begins[number + 1] < at) number++;
    squares[start + at * stride] = ((at - roots[number]) * step) ** 2 + values[roots[number]];
  }
}
