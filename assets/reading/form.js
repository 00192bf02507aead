// @ts-check
/**
 * The form in which a reader decides about one study. Python draws nothing of it: it sends the study and gets the acts.
 */
import { Draft, Refusal, ask } from "./draft.js";
import { build, clock, drawClaim, drawHeld, drawNews, drawOther } from "./parts.js";

/**
 * @typedef {import("./draft.js").Snapshot} Snapshot
 * @typedef {{study: string, reader: string, role: string, blind: boolean, predicted: string, verb: string, title: string,
 *   choices: [string, string][], reasons: string[], snapshot: Snapshot, refusal: string, note: string}} Data
 * @typedef {{data: Data, parentElement: HTMLElement, setTriggerValue: (name: string, value: object) => void}} Component
 */

const LOOK = 4000; // milliseconds between two looks at what others did
const PATIENCE = 10000; // milliseconds after which an unanswered act is given up
const CONFIRM = 6000; // milliseconds for the second press of Enter
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
    this.draft.adopt(drafts.get(` ${study}`));
    this.armed = false;
    this.active = true;
    this.busyUntil = 0;
    this.asking = false;
    this.asked = "";
    this.told = "";
    this.parts = build(component.parentElement, this);
    this.listeners = new AbortController();
    const listen = { signal: this.listeners.signal };
    document.addEventListener("keydown", (event) => this.onKey(event), listen);
    for (const kind of ["pointerdown", "wheel", "keydown"])
      document.addEventListener(kind, () => (this.active = true), { ...listen, passive: true });
    addEventListener("pagehide", () => void this.draft.flush(), listen);
    addEventListener("online", () => void this.draft.save(), listen);
    addEventListener("neurotriage", () => void this.look(), listen);
    this.looking = setInterval(() => void this.look(), LOOK);
    this.ticking = setInterval(() => this.tick(), 500);
  }

  stop() {
    void this.draft.flush();
    this.draft.changed = () => {};
    this.listeners.abort();
    clearInterval(this.looking);
    clearInterval(this.ticking);
    clearTimeout(this.disarming);
  }

  /** @param {Component} component */
  update(component) {
    this.component = component;
    this.data = component.data;
    this.busyUntil = 0;
    this.told = component.data.refusal || component.data.note || this.told;
    this.take(component.data.snapshot);
  }

  /** @param {Snapshot} snapshot */
  take(snapshot) {
    this.snapshot = snapshot;
    this.draft.receive(snapshot.draft, snapshot.readings);
    this.draw();
    // What the page around the form shows has changed too: the readings so far, and which one comes next.
    const now = `${snapshot.readings} ${snapshot.status}`;
    const drawn = `${this.data.snapshot.readings} ${this.data.snapshot.status}`;
    if (now !== drawn && now !== this.asked) {
      this.asked = now;
      this.act("refresh");
    }
  }

  async look() {
    if (document.hidden || this.busy || this.asking) return;
    const [active, study] = [this.active, this.data.study];
    this.active = false;
    this.asking = true;
    const found = await ask(active ? "POST" : "GET", study).catch(() => null);
    this.asking = false;
    if (found && !this.listeners.signal.aborted) this.take(found);
  }

  /** Count the seconds down in which a signature can be taken back. */
  tick() {
    if (!this.snapshot.held.length) return;
    drawHeld(this);
    if (this.snapshot.held.some(({ due_at }) => Date.parse(due_at) + 300 < Date.now())) void this.look();
  }

  /**
   * Hand an act to Python.
   * @param {string} what
   * @param {object} [more]
   */
  act(what, more = {}) {
    if (this.busy) return;
    this.busyUntil = what === "refresh" ? 0 : Date.now() + PATIENCE;
    this.component.setTriggerValue("act", { what, at: Date.now(), ...more });
  }

  /** Whether Python is at work on an act; one that got lost on the way is not waited for forever. */
  get busy() {
    return Date.now() < this.busyUntil;
  }

  get signing() {
    return Boolean(this.snapshot.draft?.due_at);
  }

  /** Sign, after it was asked once. */
  async sign() {
    const { finding } = this.draft.entries;
    if (this.signing || this.busy || this.draft.other) return;
    if (finding && !this.armed) {
      this.arm(true);
      return;
    }
    this.told = "";
    this.arm(false);
    await this.draft.flush();
    this.act(this.data.blind ? "commit" : "sign", { entries: this.draft.entries });
  }

  /** @param {boolean} on whether the next press signs */
  arm(on) {
    clearTimeout(this.disarming);
    this.armed = on;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.disarming = on ? setTimeout(() => this.arm(false), CONFIRM) : undefined;
    this.draw();
  }

  async next() {
    await this.draft.flush();
    this.act("next");
  }

  /** Take the latest signature back that is not stored yet. */
  async undo() {
    const held = this.snapshot.held.at(-1);
    if (!held) return;
    try {
      const found = await ask("DELETE", `${held.study}/signature`);
      this.told = `Taken back: ${held.name}. Nothing is signed; the draft is as it was.`;
      if (held.study === this.data.study) this.take(found);
      else this.act("open", { study: held.study });
    } catch (error) {
      this.told = error instanceof Refusal ? error.message : "The server does not answer. Try again.";
    }
    await this.look();
    this.draw();
  }

  /**
   * @param {Partial<import("./draft.js").Entries>} fields
   */
  enter(fields) {
    this.armed = false;
    this.told = "";
    this.draft.set(fields);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
    const field = target.matches?.("input:not([type=radio]), textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      this.arm(false);
      if (field && this.parts.root.contains(target)) {
        target.blur();
        document.getElementById("viewer")?.focus();
      }
      return;
    }
    if (field || event.defaultPrevented || event.isComposing) return;
    const place = /^Digit([1-6])$/.exec(event.code)?.[1];
    if (event.altKey && !event.ctrlKey && place) {
      if (!this.signing) this.enter({ finding: this.data.choices[Number(place) - 1][0] });
    } else if (event.altKey || event.ctrlKey || event.metaKey || event.repeat) {
      return;
    } else if (event.key === "Enter" && !target.matches?.("button, a, summary, [role=button], [role=tab]")) {
      void this.sign();
    } else if (event.key === "n") {
      void this.next();
    } else if (event.key === "u") {
      void this.undo();
    } else {
      return;
    }
    event.preventDefault();
  }

  draw() {
    const { parts, data, draft } = this;
    const { entries } = draft;
    const overrides = Boolean(entries.finding && data.predicted && entries.finding !== data.predicted);
    parts.title.textContent = data.title;
    for (const radio of parts.choices) radio.checked = radio.value === entries.finding;
    for (const radio of parts.confidence) radio.checked = radio.value === entries.confidence;
    for (const name of /** @type {const} */ (["lesion", "reason", "comment"]))
      if (parts[name].value !== entries[name]) parts[name].value = entries[name];
    parts.lesion.hidden = entries.finding !== "other lesion";
    parts.reasonRow.hidden = !overrides;
    parts.fields.disabled = this.signing;
    parts.blind.textContent = this.snapshot.draft?.blind
      ? `Committed before the AI was shown: ${data.choices.find(([value]) => value === this.snapshot.draft?.blind)?.[1]}`
      : "";
    const chosen = data.choices.find(([value]) => value === entries.finding)?.[1] ?? "";
    const verb = data.blind ? "Commit, then show the AI" : overrides && data.verb === "Confirm and sign" ? "Sign override" : data.verb;
    parts.sign.textContent = this.armed ? `${data.blind ? "Commit" : "Sign"} «${chosen}»? Enter again` : verb;
    parts.sign.disabled = this.signing || !entries.finding;
    parts.refusal.textContent = this.told || this.snapshot.draft?.refusal || "";
    parts.state.textContent = draft.problem || (draft.savedAt ? `Draft saved ${clock(draft.savedAt)}` : "");
    parts.state.classList.toggle("bad", Boolean(draft.problem));
    drawOther(this);
    drawNews(this);
    drawClaim(this);
    drawHeld(this);
  }
}
