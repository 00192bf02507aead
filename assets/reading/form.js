// @ts-check
/**
 * The form in which a reader decides about one study. Python draws nothing of it. What is decided goes straight to the
 * server; only where to go next is up to the page.
 */
import { t } from "../t.js";
import { Draft, Refusal, Trouble, ask } from "./draft.js";
import { onKey } from "./keys.js";
import { Onward } from "./onward.js";
import { build, clock, drawClaim, drawHeld, drawNews, drawOther, lacking, leaving } from "./parts.js";
import { Question } from "./question.js";

/**
 * @typedef {import("./draft.js").Snapshot} Snapshot
 * @typedef {{study: string, name: string, reader: string, role: string, blind: boolean, predicted: string, amends: boolean, verb: string, title: string,
 *   choices: [string, string][], reasons: [string, string][], snapshot: Snapshot, refusal: string, note: string,
 *   shown: {readings: number, contents: string, model: string}, proof: boolean, done: number,
 *   onward: import("./onward.js").Coming}} Data
 * @typedef {{data: Data, parentElement: HTMLElement, setTriggerValue: (name: string, value: object) => void}} Component
 */

const LOOK = 4000; // milliseconds between two looks at what others did
const PATIENCE = 10000; // milliseconds after which an unanswered act is given up
/** @type {Map<string, Draft>} drafts by reader and study: they outlive the drawing of the page */
const drafts = new Map();

/**
 * Draw the form, or bring it up to date.
 * @param {Component} component
 * @returns {() => void} what takes it away
 */
export function mount(component) {
  const host = /** @type {HTMLElement & {form?: Form}} */ (component.parentElement);
  const { study, reader } = component.data;
  if (host.form?.draft.study !== study || host.form.draft.reader !== reader) {
    host.form?.stop();
    host.form = new Form(component);
  }
  const form = host.form;
  form.update(component);
  return () => {
    form.stop();
    host.form = undefined;
  };
}

class Form {
  /** @param {Component} component */
  constructor(component) {
    const { study, reader } = component.data;
    this.component = component;
    this.data = component.data;
    /** @type {Snapshot} */
    this.snapshot = component.data.snapshot;
    const key = `${reader} ${study}`;
    this.draft = drafts.get(key) ?? new Draft(study, reader, () => {});
    this.draft.changed = () => this.draw();
    drafts.set(key, this.draft);
    this.draft.adopt(drafts.get(` ${study}`) ?? new Draft(study, "", () => {}));
    this.question = new Question(() => this.draw(), () => {
      this.told = this.done = t("Not signed: {study} stays as a draft.", { study: this.data.name });
      this.draw();
    });
    this.active = true;
    this.busyUntil = 0;
    this.handed = 0;
    /** @type {(() => void) | null} what was asked for while Python was at work */
    this.after = null;
    this.asking = false;
    this.telling = false;
    this.asked = "";
    this.told = "";
    /** When the viewer last saved marks. */
    this.markedAt = "";
    /** What was told and is no refusal. */
    this.done = "";
    this.parts = build(component.parentElement, this);
    this.listeners = new AbortController();
    const listen = { signal: this.listeners.signal };
    this.onward = new Onward(this, this.listeners.signal);
    document.addEventListener("keydown", (event) => onKey(this, event), listen);
    for (const kind of ["pointerdown", "wheel", "keydown"])
      document.addEventListener(kind, () => (this.active = true), { ...listen, passive: true });
    addEventListener("pagehide", () => void this.draft.flush(), listen);
    addEventListener("online", () => void this.draft.save(), listen);
    addEventListener("neurotriage", () => void this.look(), listen);
    addEventListener("neurotriage-marks", (event) => this.marked(/** @type {CustomEvent} */ (event).detail), listen);
    this.looking = setInterval(() => void this.look(), LOOK);
    this.ticking = setInterval(() => this.tick(), 500);
  }

  stop() {
    void this.draft.flush();
    this.draft.changed = () => {};
    this.listeners.abort();
    clearInterval(this.looking);
    clearInterval(this.ticking);
    this.question.drop();
  }

  /** @param {Component} component */
  update(component) {
    this.component = component;
    this.data = component.data;
    // The page is also drawn anew for other reasons, while an act is still on its way.
    if (component.data.done >= this.handed) this.busyUntil = 0;
    if (!this.busy) leaving(false, this.data.study);
    if (component.data.note) this.told = this.done = component.data.note;
    this.told = component.data.refusal || this.told;
    this.onward.update(component.data.onward);
    this.take(component.data.snapshot);
    this.go();
  }

  /** Do what was asked for meanwhile. */
  go() {
    if (this.busy || this.telling) return;
    const { after } = this;
    this.after = null;
    after?.();
  }

  /** @param {Snapshot} snapshot */
  take(snapshot) {
    this.snapshot = snapshot;
    this.markedAt = snapshot.marked_at ?? "";
    this.draft.receive(snapshot.draft, snapshot.readings);
    this.draw();
    // What the page around the form shows has changed too: the readings so far, and which one comes next.
    const now = `${snapshot.readings} ${snapshot.status}`;
    const drawn = `${this.data.snapshot.readings} ${this.data.snapshot.status}`;
    if (now !== drawn && now !== this.asked) {
      this.asked = now;
      void this.act("refresh");
    }
  }

  /** @param {{study: string, savedAt: string}} kept what the viewer has just saved */
  marked({ study, savedAt }) {
    if (study !== this.data.study) return;
    this.markedAt = savedAt;
    this.draw();
  }

  async look() {
    if (document.hidden || this.busy || this.asking || this.telling) return;
    const [active, study] = [this.active, this.data.study];
    this.active = false;
    this.asking = true;
    const found = await ask(active ? "POST" : "GET", study).catch(() => null);
    this.asking = false;
    // What was asked before the reader decided is older than the answer to that.
    if (found && !this.telling && !this.listeners.signal.aborted) this.take(found);
  }

  /** Count the seconds down in which a signature can be taken back. */
  tick() {
    if (!this.busy) leaving(false, this.data.study); // what was asked for got lost
    if (!this.snapshot.held.length) return;
    drawHeld(this);
    if (this.snapshot.held.some(({ due_at }) => Date.parse(due_at) + 300 < Date.now())) void this.look();
  }

  /**
   * Have Python draw the page anew, or go elsewhere, with what was typed on the server; at once, or when it has done the
   * one before: of two acts that arrive together Streamlit keeps the later one alone.
   * @param {string} what
   * @param {object} [more]
   */
  async act(what, more = {}) {
    if (this.busy || this.telling) {
      if (what !== "refresh") this.after = () => void this.act(what, more);
      return;
    }
    const at = Date.now();
    this.after = null;
    if (what !== "refresh") {
      this.handed = at;
      this.busyUntil = at + PATIENCE;
      leaving(true, this.data.study);
      await this.draft.flush();
    }
    this.component.setTriggerValue("act", { what, at, ...more });
  }

  /**
   * Tell the server what the reader decides, and draw what it answers.
   * @param {string} method
   * @param {string} path below the study
   * @param {object} [sent]
   * @returns {Promise<boolean>} whether it was done
   */
  async tell(method, path, sent = {}) {
    if (this.telling) return false;
    this.telling = true;
    this.told = "";
    try {
      await this.draft.flush();
      const found = await ask(method, path, { reader: this.data.reader, ...sent });
      this.telling = false;
      if (path.startsWith(this.data.study) && !this.listeners.signal.aborted) this.take(found);
      return true;
    } catch (error) {
      const said = error instanceof Refusal || error instanceof Trouble;
      this.told = said ? error.message : t("The server does not answer. Try again.");
      this.after = null; // who signs and goes on at once stays with what was not signed
      return false;
    } finally {
      this.telling = false;
      this.draw();
    }
  }

  /** Whether Python is at work on an act; one that got lost on the way is not waited for forever. */
  get busy() {
    return Date.now() < this.busyUntil;
  }

  /** Whether this study was left, and the next one is not drawn yet: what is pressed now is not meant for this one. */
  get left() {
    return this.busy || Boolean(document.getElementById("viewer")?.hasAttribute("data-leaving"));
  }

  get overrides() {
    const { finding } = this.draft.entries;
    return Boolean(finding && this.data.predicted && finding !== this.data.predicted);
  }

  /** Who else has the study open, if anybody: then nothing is signed here; the server refuses it too. */
  get elsewhere() {
    const { claim } = this.snapshot;
    return claim && !claim.mine ? claim : null;
  }

  /** What is to be done before anything can be signed. */
  get first() {
    if (this.draft.other) return t("Choose above which draft stays; then you can sign.");
    return this.elsewhere ? t("{reader} has this study open: take it over above, then you can sign.", { reader: this.elsewhere.reader }) : "";
  }

  get signing() {
    return Boolean(this.snapshot.draft?.due_at);
  }

  /**
   * Sign, after it was asked once.
   * @param {UIEvent} event what the reader pressed
   */
  async sign(event) {
    const { finding } = this.draft.entries;
    if (this.signing || this.left || this.telling || this.draft.other || this.elsewhere) return;
    if (finding && !this.question.open) {
      const [missing, field] = lacking(this);
      if (field) {
        this.told = missing;
        field.focus();
        this.draw();
      } else this.question.ask();
      return;
    }
    if (finding && !this.question.answeredBy(event.timeStamp)) return;
    this.question.withdraw();
    const { study, blind, shown, proof } = this.data;
    const done = await this.tell("PUT", `${study}/${blind ? "blind" : "signature"}`, { entries: { ...this.draft.entries }, shown });
    // The page shows the AI once a class is committed, asks for a new proof once one is used up, and what is refused may
    // have changed since it was drawn.
    if (!done || blind || proof) await this.act("refresh");
    this.go();
  }

  /** Go on with the draft, with what others signed in mind. */
  async see() {
    await this.tell("PUT", `${this.data.study}/seen`, { readings: this.snapshot.readings });
    this.go();
  }

  /** @param {string} note why */
  async takeOver(note) {
    await this.tell("PUT", `${this.data.study}/claim`, { note });
    this.go();
  }

  next() {
    void this.act("next");
  }

  /** Take the latest signature back that is not stored yet. */
  async undo() {
    const held = this.snapshot.held.at(-1);
    if (!held || !(await this.tell("DELETE", `${held.study}/signature`))) return;
    this.told = this.done = t("Taken back: {study}. Nothing is signed; the draft is as it was.", { study: held.name });
    this.draw();
    if (held.study !== this.data.study) await this.act("open", { study: held.study });
    else this.go();
  }

  /**
   * @param {Partial<import("./draft.js").Entries>} fields
   */
  enter(fields) {
    if (this.left) return;
    this.question.drop();
    this.told = "";
    this.draft.set(fields);
  }

  draw() {
    const { parts, data, draft, overrides, question } = this;
    const { elsewhere } = this;
    if (draft.other || elsewhere) question.drop(); // it was asked about a draft that may not stay, or is not to be signed now
    const { entries } = draft;
    parts.title.textContent = data.title;
    for (const radio of parts.choices) radio.checked = radio.value === entries.finding;
    for (const radio of parts.confidence) radio.checked = radio.value === entries.confidence;
    for (const name of /** @type {const} */ (["lesion", "reason", "comment"]))
      if (parts[name].value !== entries[name]) parts[name].value = entries[name];
    parts.lesion.hidden = entries.finding !== "other lesion";
    parts.reasonRow.hidden = !overrides;
    parts.fields.disabled = this.signing;
    parts.blind.textContent = this.snapshot.draft?.blind
      ? t("Committed before the AI was shown: {finding}", { finding: data.choices.find(([value]) => value === this.snapshot.draft?.blind)?.[1] ?? "" })
      : "";
    const chosen = data.choices.find(([value]) => value === entries.finding)?.[1] ?? "";
    const verb = data.blind ? t("Commit, then show the AI") : overrides && data.verb === t("Confirm and sign") ? t("Sign override") : data.verb;
    const asked = data.blind ? t("Commit «{finding}»? Click or press Enter again", { finding: chosen }) : t("Sign «{finding}»? Click or press Enter again", { finding: chosen });
    parts.sign.textContent = question.open ? asked : verb;
    parts.sign.dataset.asks = question.open ? (question.answeredBy(performance.now()) ? "ready" : "soon") : "";
    parts.sign.disabled = this.signing || !entries.finding || Boolean(draft.other || elsewhere);
    const first = this.signing ? "" : this.first;
    parts.refusal.textContent = first || this.told || this.snapshot.draft?.refusal || "";
    parts.refusal.classList.toggle("good", Boolean(first) || this.told === this.done);
    const savedAt = [draft.savedAt, this.markedAt].sort()[1];
    const saved = savedAt && !this.signing ? t("Draft saved {time}", { time: clock(savedAt) }) : "";
    parts.state.textContent = draft.problem || (draft.dirty || draft.saving ? t("Saving …") : saved);
    parts.state.classList.toggle("bad", Boolean(draft.problem));
    drawOther(this);
    drawNews(this);
    drawClaim(this);
    drawHeld(this);
  }
}
