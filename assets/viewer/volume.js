// @ts-check
/** The planes of a volume, cut from its slices; between thick slices, values are interpolated. */

/** @typedef {import("./types.js").Cut} Cut */
/** @typedef {import("./types.js").SliceHead} SliceHead */
/** @typedef {import("./types.js").Values} Values */

/**
 * Place of a voxel in a plane, and back: the index along an axis, from the end if it runs backwards.
 *
 * @param {[number, boolean]} axis
 * @param {number} size Of the volume along the axis.
 * @param {number} index
 * @returns {number}
 */
export function along([, backwards], size, index) {
  return backwards ? size - 1 - index : index;
}

/**
 * Pixels that a voxel takes in the picture of a plane: several across the slices, if they are thick.
 *
 * @param {Cut} cut
 * @returns {{down: number, along: number}}
 */
export function finer({ down, along: right, finer }) {
  return { down: down[0] === 0 ? finer : 1, along: right[0] === 0 ? finer : 1 };
}

/**
 * Size of the picture of a plane.
 *
 * @param {Cut} cut
 * @returns {{rows: number, columns: number, spacing: [number, number]}}
 */
export function sizeOf(cut) {
  const { down, along: right } = finer(cut);
  return { rows: cut.rows * down, columns: cut.columns * right, spacing: [cut.spacing[0] / down, cut.spacing[1] / right] };
}

/**
 * Cut one slice of a plane.
 *
 * @param {Cut} cut
 * @param {number} at
 * @param {number[]} shape Slices, rows, columns of the volume.
 * @param {(slice: number) => Values | undefined} slices Those that are missing stay dark.
 * @param {8 | 16} bits
 * @returns {Values}
 */
export function cutOf(cut, at, shape, slices, bits) {
  const { rows, columns } = sizeOf(cut);
  const pixels = new (bits === 8 ? Uint8Array : Uint16Array)(rows * columns);
  const index = [0, 0, 0];
  index[cut.across[0]] = along(cut.across, cut.count, at);
  const down = cut.down[0] === 0; // one of both runs across the slices
  const [outer, inner] = down ? [rows, columns] : [columns, rows];
  const [stepOuter, stepInner] = down ? [columns, 1] : [1, columns];
  const [outerAxis, innerAxis] = down ? [cut.down, cut.along] : [cut.along, cut.down];
  for (let far = 0; far < outer; far++) {
    const [near, part] = between(far, cut.finer, shape[0]);
    const before = slices(along(outerAxis, shape[0], near));
    const after = part ? slices(along(outerAxis, shape[0], near + 1)) : before;
    // Beside a missing slice nothing is made up: its place stays dark.
    const [one, other] = before && after ? [before, after] : part > 0.5 ? [after, after] : [before, before];
    if (!one || !other) continue;
    for (let within = 0; within < inner; within++) {
      index[innerAxis[0]] = along(innerAxis, inner, within);
      const from = index[1] * shape[2] + index[2];
      pixels[far * stepOuter + within * stepInner] = Math.round(one[from] * (1 - part) + other[from] * part);
    }
  }
  return pixels;
}

/**
 * @param {number} place Of a row across the slices.
 * @param {number} finer Rows for each slice.
 * @param {number} count Of slices.
 * @returns {[number, number]} The slice before it, and how far it is to the next one: 0 to 1.
 */
function between(place, finer, count) {
  const exact = Math.min(Math.max((place + 0.5) / finer - 0.5, 0), count - 1);
  const part = exact - Math.floor(exact);
  return [Math.floor(exact), part < 1e-6 ? 0 : part];
}

/**
 * Cut one slice of a plane from fields that each lie over a slice.
 *
 * @param {Cut} cut
 * @param {number} at
 * @param {(slice: number) => {field: import("./types.js").Field, weight: number} | null} fields
 * @returns {import("./types.js").Field}
 */
export function fieldOf(cut, at, fields) {
  const values = new Uint8Array(cut.rows * cut.columns);
  const index = [0, 0, 0];
  index[cut.across[0]] = along(cut.across, cut.count, at);
  for (let row = 0; row < cut.rows; row++) {
    index[cut.down[0]] = along(cut.down, cut.rows, row);
    for (let column = 0; column < cut.columns; column++) {
      index[cut.along[0]] = along(cut.along, cut.columns, column);
      const found = fields(index[0]);
      if (found) values[row * cut.columns + column] = sample(found.field, index[2] + 0.5, index[1] + 0.5) * found.weight;
    }
  }
  const { rows: height, columns: width } = sizeOf(cut);
  return { rows: cut.rows, columns: cut.columns, left: 0, top: 0, width, height, values };
}

/**
 * @param {import("./types.js").Field} field
 * @param {number} x In pixels of the slice.
 * @param {number} y
 * @returns {number} The value there, between those of the four cells around it; 0 outside.
 */
export function sample(field, x, y) {
  const column = ((x - field.left) / field.width) * field.columns - 0.5;
  const row = ((y - field.top) / field.height) * field.rows - 0.5;
  if (column < -0.5 || row < -0.5 || column > field.columns - 0.5 || row > field.rows - 0.5) return 0;
  const [left, top] = [Math.max(Math.floor(column), 0), Math.max(Math.floor(row), 0)];
  const [right, bottom] = [Math.min(left + 1, field.columns - 1), Math.min(top + 1, field.rows - 1)];
  const [dx, dy] = [Math.max(column - left, 0), Math.max(row - top, 0)];
  const { values, columns } = field;
  const upper = values[top * columns + left] * (1 - dx) + values[top * columns + right] * dx;
  const lower = values[bottom * columns + left] * (1 - dx) + values[bottom * columns + right] * dx;
  return upper * (1 - dy) + lower * dy;
}
