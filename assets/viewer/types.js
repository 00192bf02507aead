// @ts-check
/**
 * What the server sends, and what the parts of the viewer hand to each other.
 *
 * @typedef {object} SliceHead
 * @property {number} rows
 * @property {number} columns
 * @property {8 | 16} bits
 * @property {[number, number] | null} spacing Millimetres between rows and between columns.
 * @property {number | null} height Millimetres along the normal.
 * @property {number} slope
 * @property {number} intercept
 * @property {string} unit
 * @property {[number, number] | null} window Centre and width of the file.
 * @property {Edges | null} edges
 * @property {string} marker
 *
 * @typedef {[string, string, string, string]} Edges Left, right, upper, lower.
 *
 * @typedef {object} Cut How the slices of a plane lie in a volume; axes 0 slices, 1 rows, 2 columns, and backwards or not.
 * @property {[number, boolean]} across
 * @property {[number, boolean]} down
 * @property {[number, boolean]} along
 * @property {number} count
 * @property {number} rows
 * @property {number} columns
 * @property {[number, number]} spacing
 * @property {number} finer Rows or columns that are drawn for each slice, an odd number.
 * @property {Edges} edges
 * @property {number} first Millimetres of the first slice along the axis across.
 * @property {number} step
 *
 * @typedef {object} SeriesHead
 * @property {number} number
 * @property {string} label
 * @property {string | null} plane
 * @property {string} note
 * @property {string} aside Why it is not scored; empty if it is.
 * @property {string} frame Frame of reference of its positions.
 * @property {number} step One slice in so many was scored.
 * @property {Array<[number, number, string]>} scores Slice, P(tumour), likeliest class.
 * @property {Record<string, [number, number]>} presets
 * @property {Record<string, Cut> | null} planes
 * @property {string} without_planes Why there are none.
 * @property {SliceHead[]} slices
 *
 * @typedef {object} StudyHead
 * @property {string} id
 * @property {string} address
 * @property {string} layers
 * @property {string} model Digest of the model that makes them.
 * @property {[number, number] | null} first
 * @property {[number, number] | null} suspicious
 * @property {{finding: string, label: string, p: number} | null} answer
 * @property {Record<string, string>} findings
 * @property {string} date
 * @property {Array<{id: string, date: string, label: string}>} others
 * @property {string[]} set_aside
 * @property {boolean} aside Whether there are pictures that are not scored.
 * @property {SeriesHead[]} series
 *
 * @typedef {Uint8Array | Uint16Array} Values
 *
 * @typedef {object} Picture A slice on the screen.
 * @property {number} series
 * @property {string | null} plane
 * @property {number} at
 * @property {number} rows
 * @property {number} columns
 * @property {[number, number] | null} spacing
 * @property {Values} values
 * @property {number} slope
 * @property {number} intercept
 * @property {string} unit
 * @property {string | null} marker Null for a plane that was not acquired: nothing is drawn on it.
 *
 * @typedef {object} Field Values from 0 to 255 over a rectangle of a slice, in its pixels.
 * @property {number} rows
 * @property {number} columns
 * @property {number} left
 * @property {number} top
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} values
 *
 * @typedef {{finding: string, label: string, p: number}} Named
 *
 * @typedef {object} Layer What is laid over a slice.
 * @property {Named} answer
 * @property {Named} explained
 * @property {string} method
 * @property {Field} map
 * @property {number} peak Strongest evidence of the map, in logits.
 * @property {Field | null} outline
 *
 * @typedef {object} Settings What the reader chose for all panes.
 * @property {boolean} heat
 * @property {boolean} outline
 * @property {number} opacity 0 to 1.
 * @property {string} finding Class of the map; empty for the answer.
 * @property {string} method
 */
export {};
