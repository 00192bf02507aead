// @ts-check
// News of the record in every open page: each becomes an event `neurotriage` of the window; a new STAT study is also
// announced: a note in the corner, a number in the title of the tab, and a sound for those who want one.

import { watchConnection } from "./events-connection.js";
import { watchFocus } from "./events-focus.js";
import { noted, standing } from "./events-notes.js";
import { watchPointer } from "./events-resting.js";
import { stream } from "./events-stream.js";
import { t } from "./t.js";

/**
 * @typedef {{kind: "study" | "claim" | "reading", event: string, at: string, study_id: string, band: string,
 *   prior: boolean, status: string, waiting: boolean}} NewsItem
 */

const SOUND = "neurotriage-sound";
const LEFT = "neurotriage-left";
const HEARD = "neurotriage-heard"; // the newest news of this tab: what comes while a page is loaded is not missed
const MOST_MISSED = 200; // a tab that was away for longer begins with the page that it is shown
const SHOWN_FOR = 20_000; // milliseconds
const MOST_NOTES = 3;

/** @type {Set<string>} */
const announced = new Set();
let unseen = 0;
let ownTitle = "";
let started = false;

/** @type {any} the component of the page that is shown */
let shown;

/**
 * Begin to listen, once for each page, and offer the sound.
 * @param {ParentNode & {component: any}} parent holds the checkbox of the sound; its data tell what the page knows
 * @returns {() => void} what ends it: nothing, the news go on as long as the page is open
 */
export function mount(parent) {
  shown = parent;
  const box = /** @type {HTMLInputElement | null} */ (parent.querySelector("input"));
  if (box) {
    box.checked = localStorage.getItem(SOUND) === "on";
    box.onchange = () => {
      localStorage.setItem(SOUND, box.checked ? "on" : "off");
      if (box.checked) play();
    };
  }
  if (!started) begin();
  return () => {};
}

function begin() {
  started = true;
  const [drawn, heard] = [shown.component.data.since, heardBefore(shown.component.data.since)];
  listen(heard < drawn && drawn - heard < MOST_MISSED ? heard : drawn);
  giveBack();
  window.addEventListener("pagehide", () => opened() && sessionStorage.setItem(LEFT, opened()));
  watchConnection(() => shown.component.setTriggerValue("back", true));
  watchFocus();
  watchPointer();
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, seen, { capture: true });
  const title = document.querySelector("title");
  if (title) new MutationObserver(showCount).observe(title, { childList: true });
}

/** The study that the address of this page names. */
function opened() {
  return location.pathname === "/review" ? new URLSearchParams(location.search).get("study") ?? "" : "";
}

/** End the claim of the study that this tab had open before its address changed. One that is loaded again stays. */
function giveBack() {
  const left = sessionStorage.getItem(LEFT);
  sessionStorage.removeItem(LEFT); // a copy of this tab leaves nothing
  if (!left || left === opened()) return;
  fetch(`/reading/${encodeURIComponent(left)}/claim`, { method: "DELETE" }).catch(() => {}); // it ends by itself later
}

/** @param {number} since */
function listen(since) {
  if (typeof SharedWorker === "undefined") {
    stream(since, hear);
    return;
  }
  const worker = new SharedWorker("/worklist/modules/events-worker.js", { type: "module", name: "news" });
  worker.port.onmessage = ({ data }) => hear(data.number, data.data);
  worker.port.postMessage({ since });
  window.addEventListener("pagehide", () => worker.port.postMessage("bye"), { once: true });
  window.addEventListener("pageshow", ({ persisted }) => persisted && listen(heardBefore(since)), { once: true });
}

/** @param {number} since what a page knew that has heard nothing */
function heardBefore(since) {
  return Number(sessionStorage.getItem(HEARD) ?? since);
}

/**
 * @param {number} number
 * @param {string} data
 */
function hear(number, data) {
  sessionStorage.setItem(HEARD, String(Math.max(number, heardBefore(0))));
  /** @type {NewsItem} */
  const item = JSON.parse(data);
  window.dispatchEvent(new CustomEvent("neurotriage", { detail: item }));
  const judged = item.event === "ranked" || item.event === "not analysable";
  if (item.band !== "STAT" || item.prior || !item.waiting || !judged || announced.has(item.study_id)) return;
  announced.add(item.study_id);
  unseen += 1;
  showCount();
  note(item);
  if (localStorage.getItem(SOUND) === "on") play();
}

/** @param {NewsItem} item */
function note(item) {
  const link = document.createElement("a");
  link.href = `/review?study=${encodeURIComponent(item.study_id)}`;
  link.textContent = t("Open");
  // The page may open the study itself, without loading anew.
  link.onclick = (event) => {
    const asked = new CustomEvent("neurotriage-open", { detail: item.study_id, cancelable: true });
    if (!window.dispatchEvent(asked)) event.preventDefault();
    line.remove();
  };
  const close = document.createElement("button");
  close.textContent = "×";
  close.setAttribute("aria-label", t("Close this note"));
  close.onclick = () => line.remove();
  const line = noted("stat", t("New STAT study"), link, close);
  const shown = standing("stat");
  if (shown.length > MOST_NOTES) shown[0].remove();
  setTimeout(() => line.remove(), SHOWN_FOR);
}

function showCount() {
  const counted = /^\(\d+\) /;
  ownTitle = document.title.replace(counted, "");
  const title = unseen ? `(${unseen}) ${ownTitle}` : ownTitle;
  if (document.title !== title) document.title = title;
}

function seen() {
  if (!unseen) return;
  unseen = 0;
  showCount();
}

function play() {
  const audio = new AudioContext();
  const volume = audio.createGain();
  volume.gain.value = 0.15;
  volume.connect(audio.destination);
  for (const [at, pitch] of [[0, 660], [0.18, 880]]) {
    const tone = audio.createOscillator();
    tone.frequency.value = pitch;
    tone.connect(volume);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + 0.14);
  }
  setTimeout(() => void audio.close(), 1000);
}
