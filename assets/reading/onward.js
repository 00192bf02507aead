// @ts-check
/** What comes when the reader leaves the study, beside the button that goes on; asked for again when the list changes. */

import { t } from "../t.js";
import { ask } from "./draft.js";

/**
 * @typedef {{study: string | null, comes: string, why: string, above: string, left: string[], since: string}} Coming
 */

const TOGETHER = 1000; // milliseconds: news that come together are one look

export class Onward {
  /**
   * @param {any} form
   * @param {AbortSignal} signal ends it
   */
  constructor(form, signal) {
    this.form = form;
    this.signal = signal;
    /** @type {Coming | null} */
    this.coming = null;
    addEventListener("neurotriage", () => this.#soon(), { signal });
  }

  /** @param {Coming} coming as the page had it when it was drawn */
  update(coming) {
    this.coming = coming;
    this.draw();
  }

  #soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.#look(), TOGETHER);
  }

  async #look() {
    const { coming } = this;
    if (!coming || this.signal.aborted || document.hidden) return;
    const { left, since } = coming;
    const found = await ask("POST", `${this.form.data.study}/onward`, { left, since }).catch(() => null);
    if (found && this.coming === coming && !this.signal.aborted) this.update({ ...found, left, since });
  }

  draw() {
    const { coming, form: { parts } } = this;
    if (!coming) return;
    parts.comes.textContent = coming.comes;
    parts.comes.title = coming.why;
    parts.above.hidden = !coming.above;
    parts.above.textContent = coming.above;
    const rule = t("Goes on down the list, never back to what you just left; “Read next” on the worklist begins at its top.");
    parts.next.title = [coming.comes, coming.why, rule, t("Key n")].filter(Boolean).join("\n");
  }
}
