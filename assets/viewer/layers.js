// @ts-check
/** Heat maps and outlines from the server, slice by slice. */
import { prepare } from "./paint.js";

/** @typedef {import("./types.js").Field} Field */
/** @typedef {import("./types.js").Layer} Layer */

/** Milliseconds after which a server that did not answer is asked again. */
const PATIENCE = 2000;
/** Requests for what is looked at; what is fetched ahead takes one more. */
const PARALLEL = 2;

/** The layers of one study. */
export class Layers {
  /**
   * @param {import("./types.js").StudyHead} study
   * @param {() => void} onChange Called when a layer has come, or an error.
   */
  constructor(study, onChange) {
    this.study = study;
    this.onChange = onChange;
    /** @type {Map<string, Layer>} */
    this.found = new Map();
    /** @type {Map<string, string>} */
    this.asked = new Map();
    this.error = "";
    /** Whether asking again would not help: study or model are others now. */
    this.refused = false;
    this.stop = new AbortController();
  }

  close() {
    this.stop.abort();
  }

  /**
   * Return the layer of a slice; if it is not here, ask for it.
   *
   * @param {number} series Index in `study.series`.
   * @param {number} at
   * @param {{finding: string, method: string}} wanted
   * @param {boolean} ahead Whether nobody looks at it yet.
   * @returns {Layer | undefined}
   */
  get(series, at, { finding, method }, ahead = false) {
    if (this.study.series[series].aside) return undefined;
    const key = `${this.study.series[series].number}/${at}?method=${method}${finding && `&finding=${finding}`}`;
    const found = this.found.get(key);
    if (!found && !this.refused && !this.asked.has(key) && this.asked.size < (ahead ? 1 : PARALLEL)) void this.load(key);
    return found;
  }

  /** Whether a map is being made. */
  get busy() {
    return this.asked.size > 0;
  }

  /** @param {string} key */
  async load(key) {
    this.asked.set(key, key);
    try {
      const answer = await fetch(`${this.study.layers}/${key}`, { signal: this.stop.signal });
      this.refused ||= answer.status === 404;
      if (!answer.ok) throw new Error(await answer.text());
      const layer = await answer.json();
      for (const field of [layer.map, layer.outline]) {
        if (field) field.values = Uint8Array.from(atob(field.values), (character) => character.charCodeAt(0));
      }
      this.found.set(key, layer);
      prepare(layer);
      this.error = "";
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.error = error instanceof TypeError ? "" : String(/** @type {Error} */ (error).message);
      this.onChange();
      await new Promise((done) => setTimeout(done, PATIENCE));
    }
    this.asked.delete(key);
    this.onChange();
  }
}
