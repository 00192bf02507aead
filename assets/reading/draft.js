// @ts-check
/**
 * What a reader has entered about one study: kept on the server as it changes, in this browser until the server has it.
 *
 * @typedef {{finding: string, lesion: string, confidence: string, reason: string, comment: string}} Entries
 * @typedef {{version: number, seen: number, entries: Entries, blind: string | null, saved_at: string,
 *   due_at: string | null, refusal: string}} Saved
 * @typedef {{reader: string, signed_at: string, said: string, why: string, comment: string}} News
 * @typedef {{reader: string, mine: boolean, since: string, note: string}} Claim
 * @typedef {{study: string, name: string, said: string, due_at: string}} Held
 * @typedef {{study: string, name: string, said: string, reason: string}} Refused a signature that was not taken after all
 * `at` is the server's time of it, in seconds.
 * @typedef {{at: number, status: string, readings: number, draft: Saved | null, marked_at: string | null,
 *   news: News[], claim: Claim | null, held: Held[], refused: Refused[]}} Snapshot
 */

import { t } from "../t.js";

const PAUSE = 300; // milliseconds without a change before it is saved
const FIRST_RETRY = 1000;
const LAST_RETRY = 10000;
/** @type {Entries} */
const EMPTY = { finding: "", lesion: "", confidence: "", reason: "", comment: "" };

/** Each window keeps its own text, under a name that a reload leaves it: two windows may hold different ones. */
const WINDOW = windowName();

/** The draft of one reader about one study. */
export class Draft {
  /**
   * @param {string} study
   * @param {string} reader empty if nobody has entered a name: then nothing is sent
   * @param {() => void} changed called when something is to be drawn anew
   */
  constructor(study, reader, changed) {
    this.study = study;
    this.reader = reader;
    this.changed = changed;
    /** @type {Entries} */
    this.entries = { ...EMPTY };
    this.version = 0;
    this.seen = 0;
    this.dirty = false;
    this.savedAt = "";
    /** Server's time of the latest answer about this draft. */
    this.at = 0;
    /** What was taken up again, as it is kept. @type {{key: string, text: string} | null} */
    this.from = null;
    this.problem = "";
    /** @type {Entries | null} what another window made of this draft meanwhile */
    this.other = null;
    this.otherVersion = 0;
    this.known = false;
    this.retry = FIRST_RETRY;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {Promise<void> | null} */
    this.saving = null;
  }

  get key() {
    return `${this.prefix} ${WINDOW}`;
  }

  get prefix() {
    return `neurotriage-draft ${this.reader} ${this.study}`;
  }

  /**
   * Take what the server has, unless something newer was typed here.
   * @param {Saved | null} saved
   * @param {number} readings signed so far
   */
  receive(saved, readings) {
    const version = saved?.version ?? 0;
    if (!this.known) this.restore(version, saved?.seen ?? readings);
    if (this.dirty || this.saving) return;
    if (this.known && version === this.version) return;
    this.known = true;
    this.entries = { ...EMPTY, ...saved?.entries };
    this.version = version;
    this.seen = saved?.seen ?? readings;
    this.savedAt = version ? (saved?.saved_at ?? "") : "";
    this.changed();
  }

  /**
   * Take up again what this browser could not send before it was closed.
   * @param {number} version
   * @param {number} seen
   */
  restore(version, seen) {
    const [found] = stored(this.prefix, this.key);
    if (!found) return;
    const { entries, version: base } = found;
    // Another base than the server's: it answers that it has another draft, and the reader chooses.
    Object.assign(this, { entries, version: base, seen, dirty: true, known: true, from: found });
    this.changed();
    void this.save();
  }

  /**
   * Take over what was entered before the reader gave a name, in this page or before it was loaded again.
   * @param {Draft} nameless
   */
  adopt(nameless) {
    const [kept] = stored(nameless.prefix, nameless.key);
    const entries = nameless.dirty ? nameless.entries : kept?.entries;
    if (!this.reader || !entries) return;
    Object.assign(this, { entries, dirty: true, known: true });
    nameless.from = kept ?? null;
    nameless.forget();
    Object.assign(nameless, { entries: { ...EMPTY }, dirty: false, known: false });
    this.keep();
    this.later(PAUSE);
  }

  /** @param {Partial<Entries>} fields */
  set(fields) {
    Object.assign(this.entries, fields);
    this.dirty = true;
    this.known = true;
    this.keep();
    this.later(PAUSE);
    this.changed();
  }

  keep() {
    try {
      localStorage.setItem(this.key, JSON.stringify({ entries: this.entries, version: this.version }));
    } catch {
      // A full or forbidden storage: the server alone keeps it.
    }
  }

  /** The server has it: this browser need not keep it any more. */
  forget() {
    localStorage.removeItem(this.key);
    // The window that it was taken from may be there still, and have kept more since.
    if (this.from && localStorage.getItem(this.from.key) === this.from.text) localStorage.removeItem(this.from.key);
    this.from = null;
  }

  /** @param {number} pause */
  later(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.save(), pause);
  }

  /** Send now what is not sent yet; resolves when the server has it or does not take it. */
  async flush() {
    clearTimeout(this.timer);
    await this.saving;
    if (this.dirty) await this.save();
  }

  /** One request at a time, so that versions count. */
  async save() {
    if (this.saving || !this.dirty || this.other) return;
    if (!this.reader) {
      this.problem = t("Not saved: enter your name in the sidebar");
      this.changed();
      return;
    }
    this.saving = this.send();
    await this.saving;
    this.saving = null;
    if (this.dirty && !this.other) this.later(this.problem ? this.retry : PAUSE);
    this.changed();
  }

  async send() {
    const sent = JSON.stringify(this.entries);
    const { reader, version, seen } = this;
    this.dirty = false;
    try {
      const answer = await ask("PUT", `${this.study}/draft`, { reader, version, seen, entries: JSON.parse(sent) });
      if (answer.conflict) {
        this.dirty = true;
        this.problem = answer.conflict;
        const other = { ...EMPTY, ...answer.draft?.entries };
        this.otherVersion = answer.draft?.version ?? 0;
        if (JSON.stringify(other) !== sent) {
          this.other = other;
          return;
        }
        // Its answer was lost on the way. What was typed since is not there yet.
        this.dirty = JSON.stringify(this.entries) !== sent;
        answer.version = this.otherVersion;
        answer.saved_at = answer.draft?.saved_at ?? "";
      }
      this.at = answer.at;
      this.version = answer.version;
      this.savedAt = answer.saved_at;
      this.problem = "";
      this.retry = FIRST_RETRY;
      if (this.dirty) this.keep();
      else this.forget();
    } catch (error) {
      this.dirty = true;
      const said = error instanceof Refusal || error instanceof Trouble;
      this.problem = said ? t("Not saved: {reason}", { reason: error.message }) : t("Not saved: trying again");
      this.retry = Math.min(this.retry * 2, LAST_RETRY);
    }
  }

  /**
   * Keep this version, or take the one of the other window.
   * @param {boolean} theirs
   */
  choose(theirs) {
    if (theirs && this.other) this.entries = this.other;
    this.version = this.otherVersion;
    this.other = null;
    this.problem = "";
    this.dirty = !theirs;
    if (theirs) this.forget();
    else this.later(0);
    this.changed();
  }
}

/**
 * What this browser kept of a draft, that of this window first; a browser can forbid that, and damage it.
 * @param {string} prefix
 * @param {string} own
 * @returns {{key: string, text: string, entries: Entries, version: number}[]}
 */
function stored(prefix, own) {
  try {
    const keys = Object.keys(localStorage).filter((key) => key === prefix || key.startsWith(`${prefix} `));
    return keys.sort((key) => (key === own ? -1 : 1)).flatMap((key) => {
      const text = localStorage.getItem(key) ?? "null";
      const kept = JSON.parse(text);
      return kept?.entries ? [{ key, text, entries: { ...EMPTY, ...kept.entries }, version: kept.version ?? 0 }] : [];
    });
  } catch {
    return [];
  }
}

function windowName() {
  const made = Math.random().toString(36).slice(2);
  try {
    const kept = sessionStorage.getItem("neurotriage-window") ?? made;
    sessionStorage.setItem("neurotriage-window", kept);
    return kept;
  } catch {
    return made;
  }
}

/** The server answered, and said no. */
export class Refusal extends Error {}

/** The server answered that its disk or database does not; the same may be taken later. */
export class Trouble extends Error {}

/**
 * Ask a route below /reading and return its JSON.
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export async function ask(method, path, body) {
  const headers = body ? { "Content-Type": "application/json" } : undefined;
  const text = body && JSON.stringify(body);
  // What is sent while the page is left still arrives; browsers allow that up to 64 KB.
  const keepalive = method !== "GET" && (text ?? "").length < 20000;
  const answer = await fetch(`/reading/${path}`, { method, headers, body: text, keepalive });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok && answer.status !== 503) throw new Refusal(told.reason ?? t("the server answered {status}", { status: String(answer.status) }));
  if (!answer.ok) throw told.reason ? new Trouble(told.reason) : new Error();
  return told;
}
