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
  const squares = Float64Array.from({ length: rows * columns }, (_, at) => (inside[at] ? 0 : Infinity));
  for (let x = 0; x < columns; x++) alongLine(squares, x, columns, rows, spacing[0]);
  for (let y = 0; y < rows; y++) alongLine(squares, y * columns, 1, columns, spacing[1]);
  return squares.map(Math.sqrt);
}

/**
 * Distance to the edge of a mask: negative inside, positive outside.
 * @param {Bitmap} bitmap @param {Spacing} spacing
 */
export function signedDistances({ bits, rows, columns }, spacing) {
  const outside = distances(bits, rows, columns, spacing);
  const inside = distances(bits.map((bit) => 1 - bit), rows, columns, spacing);
  return outside.map((value, at) => value - inside[at]);
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
  const from = signedDistances(first, spacing ?? [1, 1]);
  const to = signedDistances(last, spacing ?? [1, 1]);
  return Array.from({ length: count }, (_, number) => {
    const share = (number + 1) / (count + 1);
    return { bits: Uint8Array.from(from, (value, at) => Number(value * (1 - share) + to[at] * share < 0)), rows, columns };
  });
}

/**
 * Lower envelope of parabolas along one line of squared distances, in place.
 * @param {Float64Array} squares @param {number} start @param {number} stride @param {number} count @param {number} step
 */
function alongLine(squares, start, stride, count, step) {
  const values = Float64Array.from({ length: count }, (_, at) => squares[start + at * stride]);
  /** @type {number[]} */
  const roots = [];
  /** @type {number[]} */
  const begins = [];
  for (let at = 0; at < count; at++) {
    if (values[at] === Infinity) continue;
    let begin = -Infinity;
    while (roots.length) {
      const root = roots[roots.length - 1];
      const place = (at + root) / 2 + (values[at] - values[root]) / (2 * step * step * (at - root));
      if (place > begins[begins.length - 1]) {
        begin = place;
        break;
      }
      roots.pop();
      begins.pop();
    }
    roots.push(at);
    begins.push(begin);
  }
  if (!roots.length) return;
  for (let at = 0, number = 0; at < count; at++) {
    while (number + 1 < roots.length && begins[number + 1] < at) number++;
    squares[start + at * stride] = ((at - roots[number]) * step) ** 2 + values[roots[number]];
  }
}
