// @ts-check
/**
 * Types of the tools: what the viewport gives them, and what they keep.
 *
 * @typedef {{x: number, y: number}} Point
 *   In an image: pixels, with 0,0 at the upper left corner of the first pixel, so that its centre is at 0.5,0.5.
 *
 * @typedef {[number, number]} Spacing millimetres between rows and between columns
 *
 * @typedef {object} Picture the slice that the viewport shows
 * @property {number} series
 * @property {string} plane
 * @property {number} at
 * @property {number} columns
 * @property {number} rows
 * @property {Spacing | null} spacing
 * @property {ArrayLike<number>} values row by row
 * @property {number} slope
 * @property {number} intercept
 * @property {string} unit of the gray values after slope and intercept
 * @property {string | null} marker name of the acquired slice in the record; null for a reformatted plane
 *
 * @typedef {object} Viewport
 * @property {HTMLElement} canvas
 * @property {HTMLCanvasElement} overlay
 * @property {Picture | null} image
 * @property {(clientX: number, clientY: number) => Point} toImage
 * @property {(point: Point) => Point} toScreen in CSS pixels of the overlay
 * @property {() => void} requestDraw
 * @property {number} [below] lower edge of what is written at the upper left
 *
 * @typedef {"length" | "angle" | "ellipse" | "probe"} Kind
 *
 * @typedef {object} Measurement
 * @property {string} id
 * @property {Kind} kind
 * @property {string} marker
 * @property {[number, number][]} points x and y in image pixels; of an ellipse, two opposite corners of its box
 * @property {Record<string, number>} values
 * @property {string} unit of the gray values
 *
 * @typedef {object} Mask
 * @property {number} rows
 * @property {number} columns
 * @property {number[]} runs lengths of the runs row by row, outside and inside by turns, outside first
 * @property {string} [origin] the model whose outline it began as; absent if the reader drew it from nothing
 * @property {true} [by_hand] present if the reader changed it on this slice
 *
 * @typedef {object} Content all that a reader marked in a study; never changed in place
 * @property {1} format
 * @property {Measurement[]} measurements
 * @property {Record<string, Mask>} masks by marker; an empty mask says that there is no lesion on the slice
 * @property {string[]} keys markers of the slices that the reader chose for the report
 *
 * @typedef {{readonly bits: Uint8Array, readonly rows: number, readonly columns: number}} Bitmap 1 inside, row by row
 *
 * @typedef {object} Gesture drawing with the pointer; each step says whether it was handled
 * @property {(e: PointerEvent) => boolean} down
 * @property {(e: PointerEvent) => boolean} move
 * @property {(e: PointerEvent) => boolean} up
 * @property {() => boolean} cancel
 *
 * @typedef {object} State what the tools tell the page
 * @property {string | null} tool
 * @property {number} measurements
 * @property {number} outlines slices with an outline of the reader
 * @property {boolean} canUndo
 * @property {boolean} canRedo
 * @property {number} brush diameter in mm, or in pixels without spacing
 * @property {"saved" | "saving" | "waiting" | "refused"} saved
 * @property {string} message a sentence for the reader; empty if there is nothing to say
 */
export {};
