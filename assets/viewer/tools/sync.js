// @ts-check
/**
 * Keeps the marks: at once in this browser, soon after in the record of the server. While the server is away, they stay
 * in the browser and are sent again. What another window of the same reader kept meanwhile is brought together with them.
 *
 * @typedef {import("./types.js").Content} Content
 * @typedef {import("./types.js").State} State
 * @typedef {import("./marks.js").Marks} Marks
 * @typedef {{version: number | null, content: Content}} Kept
 */
import { t } from "../../t.js";
import { MAX_BYTES, merged, newId, NOTHING } from "./marks.js";

/** Milliseconds from a change to its sending. */
const PAUSE = 300;
/** Milliseconds from one try to the next while the server is away. */
const RETRY = { first: 1000, longest: 30_000 };
const ELSEWHERE = t("You marked this study in another window too; the marks of both are kept.");
const CLASH = t(" Where both changed the same mark, that of this window stands.");
const AWAY = t("The server does not answer. Your marks are kept in this browser and sent as soon as it does.");
const NOT_KEPT = t("The server does not answer and this browser cannot keep your marks. Leave this page open until it does.");
const TOO_LARGE = t("There are too many marks to keep. Undo the last one.");

const REFUSED = t("The server refused your marks; they stay in this browser. Reload the page.");

export class Sync {
  /** @type {State["saved"]} */
  saved = "saved";
  /** Why the last try to save failed; empty if it did not. */
  problem = "";
  /** What the record has, and its version; null before it was read. @type {Kept} */
  #record = { version: null, content: NOTHING };
  /** What was found in this browser, by key. @type {Record<string, Kept>} */
  #unsent = {};
  #recovered = NOTHING;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Promise<void> | null} */
  #saving = null;
  #retry = RETRY.first;
  #closed = false;

  /**
   * @param {string} studyId
   * @param {Marks} marks
   * @param {(message: string) => void} tell called when the state or the marks changed, with what the reader should know
   */
  constructor(studyId, marks, tell) {
    this.studyId = studyId;
    this.marks = marks;
    this.tell = tell;
    this.address = `/viewer/studies/${encodeURIComponent(studyId)}/marks`;
    // Readers share browsers, and windows share their storage.
    const reader = document.cookie.match(/(?:^|; )triage_reader=([^;]*)/)?.[1] ?? "";
    this.prefix = `neurotriage-marks/${studyId}/${reader}/`;
    this.key = this.prefix + newId();
  }

  /** Show what this browser kept, then read the record and bring both together. */
  async load() {
    this.#unsent = found(this.prefix);
    for (const { content } of Object.values(this.#unsent)) {
      this.#recovered = merged(NOTHING, content, this.#recovered).content;
    }
    this.marks.reset(this.#recovered);
    await this.save();
  }

  /** Call after every change. */
  changed() {
    const kept = this.#keep();
    if (this.saved !== "waiting") this.saved = "saving";
    this.#later(this.saved === "waiting" && kept ? this.#retry : PAUSE);
  }

  /** Bring the record up to date, or plan the next try. */
  save() {
    this.#saving ??= this.#bring().finally(() => (this.#saving = null));
    return this.#saving;
  }

  /**
   * Save now what is marked.
   *
   * @returns {Promise<string>} Why the record does not have it; empty if it does.
   */
  async flush() {
    const missing = () => this.marks.content !== this.#record.content;
    if (missing()) await this.save();
    return missing() ? this.problem : "";
  }

  async #bring() {
    clearTimeout(this.#timer);
    try {
      if (this.#record.version === null) await this.#read();
      while (this.marks.content !== this.#record.content) await this.#send();
      this.#forget();
      this.#retry = RETRY.first;
      this.saved = "saved";
      this.problem = "";
      this.tell("");
    } catch (error) {
      const refused = error instanceof Refused;
      this.problem = refused ? error.message : this.#keep() ? AWAY : NOT_KEPT;
      this.saved = refused ? "refused" : "waiting";
      this.tell("");
      this.#later(this.#retry);
      this.#retry = Math.min(RETRY.longest, this.#retry * 2);
    }
  }

  /** End the tries; what was not sent stays in this browser. */
  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #read() {
    const [status, said] = await asked(this.address);
    if (status !== 200) throw new Refused(said.error);
    let content = said.content;
    for (const kept of Object.values(this.#unsent)) {
      const base = kept.version === said.version ? said.content : NOTHING;
      content = merged(base, kept.content, content).content;
    }
    const drawn = this.marks.content;
    if (drawn !== this.#recovered) content = merged(this.#recovered, drawn, content).content;
    this.#record = said;
    this.marks.reset(content);
  }

  async #send() {
    const { content } = this.marks;
    const body = JSON.stringify({ version: this.#record.version, content });
    if (body.length > MAX_BYTES) throw new Refused(TOO_LARGE);
    const headers = { "Content-Type": "application/json" };
    const [status, said] = await asked(this.address, { method: "PUT", headers, body });
    if (status === 200) {
      this.#record = { version: said.version, content };
      // The form beside the viewer says when the draft was saved, and the marks are part of it.
      window.dispatchEvent(new CustomEvent("neurotriage-marks", { detail: { study: this.studyId, savedAt: said.saved_at } }));
    } else if (status === 409) {
      const both = merged(this.#record.content, this.marks.content, said.content);
      this.#record = said;
      this.marks.reset(both.content);
      this.tell(ELSEWHERE + (both.clashes ? CLASH : ""));
    } else {
      throw new Refused(said.error);
    }
  }

  /** @param {number} pause milliseconds */
  #later(pause) {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => this.save(), pause);
  }

  #forget() {
    try {
      for (const key of [this.key, ...Object.keys(this.#unsent)]) localStorage.removeItem(key);
    } catch {
      // a browser that forbids storage has kept nothing
    }
    this.#unsent = {};
  }

  /** Keep the marks in this browser; false if it cannot. */
  #keep() {
    try {
      localStorage.setItem(this.key, JSON.stringify({ version: this.#record.version, content: this.marks.content }));
      return true;
    } catch {
      return false;
    }
  }
}

/** What windows of this browser kept under keys that begin so. @param {string} prefix @returns {Record<string, Kept>} */
function found(prefix) {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
    return Object.fromEntries(keys.map((key) => [key, JSON.parse(localStorage.getItem(key) ?? "")]));
  } catch {
    return {}; // a browser can forbid storage, and damage it
  }
}

/** The server understood, and said no; the message says why. */
class Refused extends Error {}

/**
 * Ask the server; throws what `fetch` throws, or an error, if it is not there.
 * @param {string} address @param {RequestInit} [request]
 * @returns {Promise<[number, any]>}
 */
async function asked(address, request) {
  const answer = await fetch(address, { cache: "no-store", ...request });
  if (answer.status >= 500) throw new Error(answer.statusText);
  if (answer.ok) return [answer.status, await answer.json()];
  return [answer.status, await answer.json().catch(() => ({ error: REFUSED }))];
}
