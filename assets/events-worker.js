// @ts-check
// One stream of news for all pages of a browser: a browser opens only six connections to one server.

import { stream } from "./events-stream.js";

/** @typedef {{number: number, data: string}} Told the number of a row of the trail, and what it says */

const KEPT = 500;
/** @type {Map<MessagePort, number>} the ports of the pages, and what each has heard */
const ports = new Map();
/** @type {(() => void) | null} what ends the stream */
let end = null;
/** @type {Told[]} the newest ones, for a page that was on its way when they came */
let told = [];

/** @param {MessageEvent} event */
function connect(event) {
  const port = event.ports[0];
  port.onmessage = ({ data }) => {
    if (data === "bye") ports.delete(port);
    else begin(port, data.since);
    if (ports.size > 0) return;
    end?.();
    [end, told] = [null, []];
  };
}

/**
 * Tell a page what it missed since a number, and what comes.
 * @param {MessagePort} port
 * @param {number} since
 */
function begin(port, since) {
  ports.set(port, since);
  told.forEach((one) => tell(port, one));
  end ??= stream(since, hear);
}

/**
 * @param {MessagePort} port
 * @param {Told} one
 */
function tell(port, one) {
  if (one.number > (ports.get(port) ?? 0)) port.postMessage(one);
}

/**
 * @param {number} number
 * @param {string} data
 */
function hear(number, data) {
  const one = { number, data };
  told = [...told.slice(1 - KEPT), one];
  ports.forEach((_, port) => tell(port, one));
}

self.addEventListener("connect", /** @type {EventListener} */ (/** @type {unknown} */ (connect)));
