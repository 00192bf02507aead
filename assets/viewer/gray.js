// @ts-check
/** Gray values of 8 or 16 bits to the screen, by a table of all of them. */

/** Makes a slice visible; draws again only what has changed. */
export class Gray {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    /** @type {ImageData | null} */
    this.data = null;
    this.words = new Uint32Array(0);
    this.table = new Uint32Array(65536);
    this.tableKey = "";
    /** @type {import("./types.js").Values | null} */
    this.drawn = null;
    this.drawnKey = "";
  }

  /**
   * @param {import("./types.js").Picture} image
   * @param {[number, number]} window Centre and width.
   * @param {boolean} inverted
   * @returns {HTMLCanvasElement} The slice, one pixel each.
   */
  render(image, window, inverted) {
    const key = `${image.slope} ${image.intercept} ${window} ${inverted}`;
    if (key !== this.tableKey) {
      fill(this.table, image, window, inverted);
      this.tableKey = key;
    }
    if (image.values === this.drawn && key === this.drawnKey) return this.canvas;
    const { rows, columns, values } = image;
    if (!this.data || this.data.width !== columns || this.data.height !== rows) {
      this.canvas.width = columns;
      this.canvas.height = rows;
      this.data = this.context.createImageData(columns, rows);
      this.words = new Uint32Array(this.data.data.buffer);
    }
    const { words, table } = this;
    for (let at = 0; at < words.length; at++) words[at] = table[values[at]];
    this.context.putImageData(this.data, 0, 0);
    this.drawn = values;
    this.drawnKey = key;
    return this.canvas;
  }
}

/**
 * Fill the table from gray value to pixel. A larger gray value is always brighter, also where it stands for less.
 *
 * @param {Uint32Array} table
 * @param {{slope: number, intercept: number}} image
 * @param {[number, number]} window
 * @param {boolean} inverted
 */
function fill(table, { slope, intercept }, [centre, width], inverted) {
  const sign = slope < 0 ? -1 : 1;
  const scale = (255 * Math.abs(slope)) / width;
  const offset = (255 * (sign * (intercept - centre) + width / 2)) / width;
  for (let gray = 0; gray < 65536; gray++) {
    const shade = Math.min(Math.max(gray * scale + offset, 0), 255) | 0;
    const shown = inverted ? 255 - shade : shade;
    table[gray] = 0xff000000 | (shown << 16) | (shown << 8) | shown;
  }
}
