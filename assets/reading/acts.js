// @ts-check
/** What the form asks of the server and of the page: one thing at a time, and what was asked for meanwhile after it. */
import { t } from "../t.js";
import { Refusal, Trouble, ask } from "./draft.js";
import { drawing, leaving } from "./parts.js";

const PATIENCE = 10000; // milliseconds after which an act that nobody works on is given up
const SOON = 2000; // milliseconds from an answer of the server to what Streamlit has made of an act

export class Acts {
  /** @param {import("./form.js").Form} form */
  constructor(form) {
    this.form = form;
    this.busyUntil = 0;
    this.handed = 0;
    this.pinged = this.pinging = false;
    /** @type {(() => void) | null} what was asked for while Python was at work */
    this.after = null;
    /** Whether the server is being told what the reader decided. */
    this.telling = false;
  }

  /** Whether Python is at work on an act; one that got lost on the way is not waited for forever. */
  get busy() {
    return Date.now() < this.busyUntil;
  }

  /** @param {number} done When the act was handed over that Python did last. */
  heard(done) {
    // The page is also drawn anew for other reasons, while an act is still on its way.
    if (done >= this.handed) this.busyUntil = 0;
    this.watch();
  }

  /** Show the page again if there is nothing to wait for: what was asked for is done, or got lost. */
  watch() {
    const left = this.busyUntil - Date.now();
    if (left > 0 && left < SOON) {
      if (!this.pinged) void this.#ping();
      if (this.pinging || drawing()) this.busyUntil = Date.now() + SOON;
    }
    if (!this.busy) leaving(false, this.form.data.study);
  }

  /** A server that is too busy to answer has not lost the act: one that answers works on it soon, or never had it. */
  async #ping() {
    this.pinged = this.pinging = true;
    await ask("GET", this.form.data.study).catch(() => {});
    this.pinging = false;
  }

  /** Do what was asked for meanwhile. */
  go() {
    if (this.busy || this.telling) return;
    const { after } = this;
    this.after = null;
    after?.();
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
      this.pinged = false;
      this.busyUntil = at + PATIENCE;
      leaving(true, this.form.data.study);
      await this.form.draft.flush();
    }
    this.form.component.setTriggerValue("act", { what, at, ...more });
  }

  /**
   * Tell the server what the reader decides, and draw what it answers.
   * @param {string} method
   * @param {string} path below the study
   * @param {() => object} [sent] what goes with it, once the draft is on the server
   * @returns {Promise<boolean>} whether it was done
   */
  async tell(method, path, sent = () => ({})) {
    const { form } = this;
    if (this.telling) return false;
    this.telling = true;
    form.told = "";
    try {
      await form.draft.flush();
      if (method === "PUT" && /\/(signature|blind)$/.test(path)) await pictureReady(form.data.study, path.endsWith("/signature"));
      const found = await ask(method, path, { reader: form.data.reader, ...sent() });
      this.telling = false;
      if (path.startsWith(form.data.study) && !form.ended) form.take(found);
      return true;
    } catch (error) {
      const said = error instanceof Refusal || error instanceof Trouble;
      form.told = said ? error.message : t("The server does not answer. Try again.");
      this.after = null; // who signs and goes on at once stays with what was not signed
      return false;
    } finally {
      this.telling = false;
      form.draw();
    }
  }
}

/**
 * What is decided is decided about the slices on the picture; and a signature takes along the marks that the server has.
 * @param {string} study
 * @param {boolean} signed
 */
async function pictureReady(study, signed) {
  /** @type {{study: string, unseen?: string, missing?: Promise<string>}} the viewer fills in what is not ready, and why */
  const detail = { study };
  window.dispatchEvent(new CustomEvent("neurotriage-signing", { detail }));
  if (detail.unseen) throw new Refusal(detail.unseen);
  const reason = signed ? await detail.missing : "";
  if (reason) throw new Refusal(t("The marks on the picture are not saved yet. {reason}", { reason }));
}
