// @ts-check
/** Slices from the server: the one that is looked at first, then the most suspicious one, then outwards. */

import { t } from "../t.js";

/** @typedef {import("./types.js").StudyHead} StudyHead */
/** @typedef {import("./types.js").Values} Values */

/** Requests at one time; a browser keeps six connections, and layers and thumbnails need some. */
const PARALLEL = 4;
/** Bytes of all slices; beyond, series that are not looked at are forgotten. */
const MAX_BYTES = 420e6;
/** Milliseconds after which a server that did not answer is asked again. */
const PATIENCE = 1500;

/** The slices of one study. */
export class Loader {
  /**
   * @param {StudyHead} study
   * @param {() => void} onChange Called when a slice has come, or an error.
   */
  constructor(study, onChange) {
    this.study = study;
    this.onChange = onChange;
    /** @type {Map<string, Values>} */
    this.slices = new Map();
    /** How many of them there are of each series. @type {Map<number, number>} */
    this.counts = new Map();
    /** Slices that are looked at, the latest last: index in `study.series`, and slice. @type {Array<[number, number]>} */
    this.focus = [];
    /** @type {Set<string>} */
    this.asked = new Set();
    this.error = "";
    this.bytes = 0;
    this.stop = new AbortController();
  }

  close() {
    this.stop.abort();
    this.slices.clear();
  }

  /**
   * @param {number} series Index in `study.series`.
   * @param {number} at
   * @returns {Values | undefined} The slice, if it is here.
   */
  get(series, at) {
    return this.slices.get(`${series}/${at}`);
  }

  /**
   * Say what is looked at; what is missing is loaded around it.
   *
   * @param {Array<[number, number]>} focus
   */
  look(focus) {
    this.focus = focus;
    this.work();
  }

  /** @param {number} series @returns {number} Slices of a series that are here. */
  loaded(series) {
    return this.counts.get(series) ?? 0;
  }

  work() {
    // The first one alone: for the others the server may have to decode, which would hold it up.
    while (this.asked.size < (this.slices.size ? PARALLEL : 1) && !this.stop.signal.aborted) {
      const next = this.next();
      if (!next) return;
      void this.load(...next);
    }
  }

  /** @returns {[number, number] | null} */
  next() {
    const suspicious = this.study.suspicious;
    for (const [series, at] of this.focus) if (this.missing(series, at)) return [series, at];
    for (const [series] of this.focus) {
      const number = this.study.series[series].number;
      if (suspicious && suspicious[0] === number && this.missing(series, suspicious[1])) return [series, suspicious[1]];
    }
    for (const [series, at] of this.focus) {
      const count = this.study.series[series].slices.length;
      if (this.loaded(series) === count) continue;
      for (let distance = 1; distance < count; distance++) {
        if (at + distance < count && this.missing(series, at + distance)) return [series, at + distance];
        if (at - distance >= 0 && this.missing(series, at - distance)) return [series, at - distance];
      }
    }
    return null;
  }

  /** @param {number} series @param {number} at */
  missing(series, at) {
    const key = `${series}/${at}`;
    return !this.slices.has(key) && !this.asked.has(key);
  }

  /** @param {number} series @param {number} at */
  async load(series, at) {
    const key = `${series}/${at}`;
    const head = this.study.series[series];
    this.asked.add(key);
    try {
      const address = `${this.study.address}/slices/${head.number}/${at}`;
      const answer = await fetch(address, { signal: this.stop.signal });
      if (!answer.ok) throw new Refused(await answer.text(), answer.status);
      const data = await answer.arrayBuffer();
      this.slices.set(key, head.slices[at].bits === 8 ? new Uint8Array(data) : new Uint16Array(data));
      this.counts.set(series, this.loaded(series) + 1);
      this.bytes += data.byteLength;
      this.error = "";
      this.forget();
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.error = error instanceof Refused ? error.message : t("The server does not answer. The picture comes when it does.");
      this.onChange();
      if (error instanceof Refused && error.status === 404) return; // asking again would not help
      await new Promise((done) => setTimeout(done, PATIENCE));
    }
    this.asked.delete(key);
    this.onChange();
    this.work();
  }

  /** Forget series that nobody looks at once there are too many bytes. */
  forget() {
    if (this.bytes <= MAX_BYTES) return;
    const kept = new Set(this.focus.map(([series]) => series));
    for (const [key, values] of this.slices) {
      const series = Number.parseInt(key, 10);
      if (kept.has(series)) continue;
      this.slices.delete(key);
      this.counts.set(series, this.loaded(series) - 1);
      this.bytes -= values.byteLength;
    }
  }
}

/** The server said why not. */
class Refused extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}
