// @ts-check
/**
 * The form in which a reader decides about one study. Python draws nothing of it. What is decided goes straight to the
 * server; only where to go next is up to the page.
 */
import { t } from "../t.js";
import { Acts } from "./acts.js";
import { Draft, Refusal, ask } from "./draft.js";
import { draw } from "./draw.js";
import { onKey } from "./keys.js";
import { heard, now } from "./now.js";
import { Onward } from "./onward.js";
import { drawHeld } from "./panels.js";
import { build, lacking } from "./parts.js";
import { Question } from "./question.js";

/**
 * @typedef {import("./draft.js").Snapshot} Snapshot
 * @typedef {{study: string, name: string, reader: string, role: string, blind: boolean, predicted: string, amends: boolean, verb: string, title: string,
 *   choices: [string, string][], reasons: [string, string][], snapshot: Snapshot, refusal: string, note: string,
 *   shown: {readings: number, contents: string, model: string}, proof: string, done: number,
 *   onward: import("./onward.js").Coming}} Data
 * @typedef {{data: Data, parentElement: HTMLElement, setTriggerValue: (name: string, value: object) => void}} Component
 */

const LOOK = 4000; // milliseconds between two looks at what others did
const LATE = 60; // seconds that an answer may come late: one that is older still means that the server's clock was set back
// Milliseconds after which a page that was asked to be drawn anew, and was not, is asked again: Streamlit may have lost it.
const AGAIN = 20000;
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

export class Form {
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
    this.acts = new Acts(this);
    this.asking = false;
    /** Whether a signature is on its way to the server. */
    this.sending = false;
    this.asked = "";
    this.askedAt = 0;
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
    const asked = (/** @type {Data} */ { shown, role, verb, predicted, blind }) => JSON.stringify([shown, role, verb, predicted, blind]);
    if (asked(component.data) !== asked(this.data)) this.withdraw(t("The study changed while you were asked. Look again, then sign."));
    if (this.data.proof === "missing" && component.data.proof === "given") this.told = ""; // what was asked for is done
    this.data = component.data;
    this.acts.heard(component.data.done);
    if (component.data.note) this.told = this.done = component.data.note;
    this.told = component.data.refusal || this.told;
    this.onward.update(component.data.onward);
    this.take(component.data.snapshot);
    this.acts.go();
  }

  /** @param {Snapshot} snapshot */
  take(snapshot) {
    heard(snapshot.at);
    // An answer that comes late would turn back what was entered since.
    const late = Math.max(this.snapshot.at, this.draft.at) - snapshot.at;
    if (late > 0 && late < LATE) return;
    const before = JSON.stringify(this.draft.entries);
    this.snapshot = this.kept(snapshot);
    this.markedAt = snapshot.marked_at ?? "";
    this.draft.receive(this.snapshot.draft, snapshot.readings);
    if (JSON.stringify(this.draft.entries) !== before) this.withdraw(t("Another window changed this draft. Check it, then sign."));
    this.draw();
    // What the page around the form shows has changed too: the readings so far, and which one comes next.
    const found = `${snapshot.readings} ${snapshot.status}`;
    const drawn = `${this.data.snapshot.readings} ${this.data.snapshot.status}`;
    const lost = Date.now() - this.askedAt > AGAIN;
    if (found !== drawn && (found !== this.asked || lost) && !this.acts.busy) {
      this.asked = found;
      this.askedAt = Date.now();
      void this.acts.act("refresh");
    }
  }

  /**
   * Take the question back that is open, if one is: what it asks about has changed.
   * @param {string} why
   */
  withdraw(why) {
    if (!this.question.open) return;
    this.question.drop();
    this.told = this.done = why;
  }

  /**
   * What was signed stays in the form, which takes nothing, until the page shows it among the readings: an empty form
   * would say that it was lost.
   * @param {Snapshot} found
   * @returns {Snapshot}
   */
  kept(found) {
    const filed = this.signing && !found.draft && found.readings > this.data.snapshot.readings;
    if (!filed) return found;
    const mine = this.snapshot.held.filter(({ study }) => study === this.data.study);
    return { ...found, draft: this.snapshot.draft, held: [...mine, ...found.held] };
  }

  /** @param {{study: string, savedAt: string}} kept what the viewer has just saved */
  marked({ study, savedAt }) {
    if (study !== this.data.study) return;
    this.markedAt = savedAt;
    this.draw();
  }

  async look() {
    if (document.hidden || this.acts.busy || this.asking || this.acts.telling) return;
    const [active, study] = [this.active, this.data.study];
    this.active = false;
    this.asking = true;
    const found = await ask(active ? "POST" : "GET", study).catch(() => null);
    this.asking = false;
    // What was asked before the reader decided is older than the answer to that.
    if (found && !this.acts.telling && !this.ended) this.take(found);
  }

  /** Count the seconds down in which a signature can be taken back. */
  tick() {
    this.acts.watch();
    if (!this.snapshot.held.length) return;
    drawHeld(this);
    if (this.snapshot.held.some(({ due_at }) => Date.parse(due_at) + 300 < now())) void this.look();
  }

  get ended() {
    return this.listeners.signal.aborted;
  }

  /** Whether this study was left, and the next one is not drawn yet: what is pressed now is not meant for this one. */
  get left() {
    return this.acts.busy || Boolean(document.getElementById("viewer")?.hasAttribute("data-leaving"));
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
    if (!this.data.reader) return t("Enter your name in the sidebar; then you can sign.");
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
    if (this.signing || this.left || this.acts.telling || this.first) return;
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
    const asked = JSON.stringify(this.draft.entries);
    this.sending = true;
    this.draw();
    const done = await this.acts.tell("PUT", `${study}/${blind ? "blind" : "signature"}`, () => {
      if (this.draft.other) throw new Refusal(this.first);
      // While draft and marks were on their way, here or in another window.
      if (JSON.stringify(this.draft.entries) !== asked) throw new Refusal(t("The draft changed before it was signed. Check it, then press again."));
      return { entries: { ...this.draft.entries }, version: this.draft.version, shown };
    });
    this.sending = false;
    this.draw();
    // The page shows the AI once a class is committed, asks for a new proof once one is used up, and what is refused may
    // have changed since it was drawn.
    if (!done || blind || proof) await this.acts.act("refresh");
    this.acts.go();
  }

  /** Go on with the draft, with what others signed in mind. */
  async see() {
    await this.acts.tell("PUT", `${this.data.study}/seen`, () => ({ readings: this.snapshot.readings }));
    this.acts.go();
  }

  /** @param {string} note why */
  async takeOver(note) {
    await this.acts.tell("PUT", `${this.data.study}/claim`, () => ({ note }));
    this.acts.go();
  }

  next() {
    void this.acts.act("next");
  }

  /** Take the latest signature back that is not stored yet. */
  async undo() {
    const held = this.snapshot.held.at(-1);
    if (!held || !(await this.acts.tell("DELETE", `${held.study}/signature`))) return;
    this.told = this.done = t("Taken back: {study}. Nothing is signed; the draft is as it was.", { study: held.name });
    this.draw();
    if (held.study !== this.data.study) await this.acts.act("open", { study: held.study });
    else this.acts.go();
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
    draw(this);
  }
}
