// @ts-check
/** The time of the server: the clock of a browser can be minutes away from it. */

/** When this page began, by the clock of the server. An answer that was long on its way says too little. */
let began = -Infinity;

/** @param {number} at what the clock of the server said in an answer, in seconds */
export function heard(at) {
  began = Math.max(began, at * 1000 - performance.now());
}

/** @returns {number} milliseconds, as `Date.now` */
export function now() {
  return Number.isFinite(began) ? began + performance.now() : Date.now();
}
