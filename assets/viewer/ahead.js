// @ts-check
/** What is seen first of a study, fetched before it is opened: the browser keeps it under its address. */

/** @typedef {import("./types.js").StudyHead} StudyHead */

/** Milliseconds that the pointer rests on a row before the reader is thought to look at it. */
const REST = 60;
/** Milliseconds that a description holds: the record may say something else later. */
const HOLDS = 3000;
/** Says that nobody looks at it yet: the audit trail tells this from a view. */
const AHEAD = { headers: { "triage-ahead": "1" } };
/** Studies whose first slice is here. @type {Set<string>} */
const here = new Set();
/** @type {{id: string, at: number, head: Promise<StudyHead>} | null} */
let latest = null;

/**
 * Fetch the slice at which a study opens.
 *
 * @param {string} id
 * @param {boolean} all Also the slice beside it: for that one, the server decodes the whole study.
 */
export async function ahead(id, all) {
  latest = { id, at: performance.now(), head: ask(id, AHEAD) };
  try {
    const { head } = latest;
    const { first, address, series } = await head;
    if (!first || (here.has(id) && !all)) return;
    const [number, at] = first;
    const count = series.find((one) => one.number === number)?.slices.length ?? 0;
    for (const one of all && count > 1 ? [at, at ? at - 1 : 1] : [at]) {
      await (await fetch(`${address}/slices/${number}/${one}`, AHEAD)).arrayBuffer();
    }
    here.add(id);
  } catch {
    // The viewer says what is wrong once the study is opened.
  }
}

/**
 * Ask for a study.
 *
 * @param {string} id
 * @param {string} version Digest that its address ends with, if it is known.
 * @returns {Promise<StudyHead>} One that was just fetched ahead is used, once.
 */
export async function study(id, version) {
  const known = latest;
  latest = null;
  if (known?.id !== id || performance.now() - known.at > HOLDS) return ask(id);
  const head = await known.head.catch(() => ask(id));
  return head.address.endsWith(version) ? head : ask(id);
}

/** @param {string} id @param {RequestInit} [how] @returns {Promise<StudyHead>} */
async function ask(id, how) {
  const answer = await fetch(`/viewer/studies/${id}/study.json`, how);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

/**
 * Fetch ahead for the rows of a list that the pointer rests on, or that have the focus.
 *
 * @param {HTMLElement} place
 * @param {AbortSignal} signal Ends it.
 */
export function watch(place, signal) {
  let timer = 0;
  /** @param {Event} event */
  const look = (event) => {
    clearTimeout(timer);
    const row = /** @type {Element} */ (event.target).closest("[data-id]");
    const id = /** @type {HTMLElement | null} */ (row)?.dataset.id;
    if (id) timer = window.setTimeout(() => void ahead(id, false), event.type === "pointerdown" ? 0 : REST);
  };
  for (const kind of ["pointerover", "pointerdown", "focusin"]) place.addEventListener(kind, look, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
}

/** @param {import("./types.js").StudyHead} head A study that is to be read before the AI's answer is seen. */
export function unseen(head) {
  Object.assign(head, { answer: null, suspicious: null });
  for (const series of head.series) series.scores = [];
  if (head.series.length) head.first = [head.series[0].number, head.series[0].slices.length >> 1];
}
