// @ts-check
/**
 * The marks of one reader in one study: what is kept, its history, and what two windows changed brought together.
 *
 * @typedef {import("./types.js").Content} Content
 * @typedef {import("./types.js").Mask} Mask
 * @typedef {import("./types.js").Measurement} Measurement
 */

/** Limits that the record has too. */
export const MAX_MEASUREMENTS = 500;
export const MAX_BYTES = 4 * 1024 * 1024;
/** Steps that can be undone. */
export const STEPS = 50;

/** @type {Content} */
export const NOTHING = Object.freeze({ format: 1, measurements: [], masks: {}, keys: [] });

/** A name for a new measurement; `crypto.randomUUID` is not there on pages without TLS. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Content with its history. A change gives a new content that shares what stayed, so a step costs little memory. */
export class Marks {
  /** @type {Content[]} */
  #past = [];
  /** @type {Content[]} */
  #future = [];

  constructor(/** @type {Content} */ content = NOTHING) {
    this.content = content;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Begin anew with a content from the record. @param {Content} content */
  reset(content) {
    this.content = content;
    this.#past = [];
    this.#future = [];
  }

  undo() {
    return this.#step(this.#past, this.#future);
  }

  redo() {
    return this.#step(this.#future, this.#past);
  }

  /** Add a measurement, or put it in the place of the one with its id. @param {Measurement} one */
  put(one) {
    const others = this.content.measurements;
    const at = others.findIndex((other) => other.id === one.id);
    if (at < 0 && others.length >= MAX_MEASUREMENTS) return false;
    this.#change({ measurements: at < 0 ? [...others, one] : others.with(at, one) });
    return true;
  }

  /** @param {string} id */
  remove(id) {
    this.#change({ measurements: this.content.measurements.filter((one) => one.id !== id) });
  }

  /** Set the masks of some slices in one step. @param {Record<string, Mask>} masks */
  outline(masks) {
    this.#change({ masks: { ...this.content.masks, ...masks } });
  }

  /** Make a slice a key image, or no longer. @param {string} marker */
  toggleKey(marker) {
    const { keys } = this.content;
    this.#change({ keys: keys.includes(marker) ? keys.filter((key) => key !== marker) : [...keys, marker] });
  }

  /** @param {Partial<Content>} change */
  #change(change) {
    this.#past = [...this.#past, this.content].slice(-STEPS);
    this.#future = [];
    this.content = { ...this.content, ...change };
  }

  /** @param {Content[]} from @param {Content[]} to */
  #step(from, to) {
    const content = from.pop();
    if (!content) return false;
    to.push(this.content);
    this.content = content;
    return true;
  }
}

/**
 * Bring together what two windows made of one content. What only one of them changed is kept as it is there; where both
 * changed the same, mine stands and is counted as a clash. A change stands against a removal.
 * @param {Content} base what both began with
 * @param {Content} mine
 * @param {Content} theirs
 * @returns {{content: Content, clashes: number}}
 */
export function merged(base, mine, theirs) {
  const measurements = together(byId(base), byId(mine), byId(theirs));
  const masks = together(base.masks, mine.masks, theirs.masks);
  const keys = together(present(base), present(mine), present(theirs));
  return {
    content: {
      format: 1,
      measurements: Object.values(measurements.found),
      masks: masks.found,
      keys: Object.keys(keys.found),
    },
    clashes: measurements.clashes + masks.clashes,
  };
}

/**
 * @template T
 * @param {Record<string, T>} base @param {Record<string, T>} mine @param {Record<string, T>} theirs
 */
function together(base, mine, theirs) {
  /** @type {Record<string, T>} */
  const found = {};
  let clashes = 0;
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const iChanged = !same(mine[key], base[key]);
    const theyChanged = !same(theirs[key], base[key]);
    const stands = iChanged && (key in mine || !theyChanged) ? mine[key] : theirs[key];
    if (stands !== undefined) found[key] = stands;
    if (iChanged && theyChanged && key in mine && key in theirs && !same(mine[key], theirs[key])) clashes += 1;
  }
  return { found, clashes };
}

/** @param {unknown} a @param {unknown} b */
function same(a, b) {
  return a === b || JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** A value with the names in order: the record may return them in another. @param {unknown} value @returns {unknown} */
function sorted(value) {
  if (Array.isArray(value) || typeof value !== "object" || value === null) return value;
  return Object.entries(value).sort().map(([name, part]) => [name, sorted(part)]);
}

/** @param {Content} content */
function byId(content) {
  return Object.fromEntries(content.measurements.map((one) => [one.id, one]));
}

/** @param {Content} content */
function present(content) {
  return Object.fromEntries(content.keys.map((key) => [key, true]));
}
