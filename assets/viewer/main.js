// @ts-check
/** The viewer: one study on the screen, what the keys and buttons do to it, and its end. */
import { day, t } from "../t.js";
import { act } from "./actions.js";
import { study as ask, unseen } from "./ahead.js";
import { anew, change } from "./anew.js";
import { withAside } from "./aside.js";
import { inField, meaning, typing } from "./keys.js";
import { found } from "./found.js";
import { Layers } from "./layers.js";
import { Layout } from "./layout.js";
import { Loader } from "./loader.js";
import { menus } from "./menus.js";
import { load } from "./order.js";
import { prepare } from "./prepare.js";
import { Strip } from "./strip.js";
import { Theirs } from "./theirs.js";
import { toolbar } from "./toolbar.js";
import { toolKey, toolsOf } from "./toolbox.js";
import { begin, end } from "./waiting.js";
import { Windows } from "./windows.js";

/** @typedef {import("./pane.js").Pane} Pane */
/** @typedef {import("./pane.js").Source} Source */
/** @typedef {{study: string, of: string, banner: string, next: string, blind: boolean, readings: number, version: string, model: string}} Data What the page says. */

const UNSEEN = t("Slices arrived, and the picture does not show them yet. Wait until it does, or load the page again; then sign.");

/** What the reader chose stays for the next study. @type {import("./types.js").Settings} */
const settings = { heat: true, outline: true, opacity: 0.4, finding: "", method: "cam" };
/** @type {WeakMap<HTMLElement, App>} */
const apps = new WeakMap();

/**
 * Show a study, or go on with the one that is shown.
 *
 * @param {HTMLElement} host
 * @param {Data} data
 */
export function open(host, data) {
  const app = apps.get(host);
  const before = app?.data.study === data.study ? app.data : null;
  if (app && before?.blind === data.blind) return app.rename(data);
  app?.close();
  begin(host, app !== undefined);
  apps.set(host, new App(host, data, before !== null && before.version !== data.version));
}

/** @param {HTMLElement} host */
export function close(host) {
  apps.get(host)?.close();
  apps.delete(host);
}

export class App {
  settings = settings;
  /** @param {HTMLElement} host @param {Data} data @param {boolean} arrived Whether slices arrived in the study while it was open. */
  constructor(host, data, arrived) {
    this.host = host;
    for (const one of [host, ...host.querySelectorAll("[aria-label]")]) one.ariaLabel = t(one.ariaLabel ?? "");
    this.data = data;
    /** @type {Map<string, Source>} */
    this.sources = new Map();
    /** @type {Record<string, string[]>} */
    this.keys = {};
    /** Where the reader clicked last. @type {{source: Source, series: number, at: number, x: number, y: number} | null} */
    this.pointed = null;
    this.zooming = false;
    this.tool = "";
    this.unfolded = "";
    /** What the tools last said of themselves. @type {import("./toolbox.js").State | null} */
    this.drawn = null;
    /** What the last key or button could not do. */
    this.notice = "";
    /** What of the study has changed lately. @type {string[]} */
    this.news = [];
    /** How many times slices have arrived that are not on the screen yet. */
    this.arriving = Number(arrived);
    this.cine = 0;
    this.warmed = false;
    /** @type {any} Tools of measuring on the first pane, once they are here. */
    this.tools = null;
    this.stop = new AbortController();
    this.theirs = new Theirs(data.study, () => this.layout.panes.length && this.refresh());
    this.layout = new Layout(this.part("panes"), (pane) => prepare(this, pane), () => this.moved(), (pane) => found(this, pane));
    this.strip = new Strip(/** @type {HTMLCanvasElement} */ (this.part("strip")), () => this.layout.pane);
    this.rename(data);
    this.part("banner").dataset.research = t("Research use only: not for clinical decisions");
    menus(this);
    window.addEventListener("keydown", (event) => this.key(event), { capture: true, signal: this.stop.signal });
    const signed = (/** @type {any} */ event) => event.detail.study_id === data.study && void this.theirs.load();
    window.addEventListener("neurotriage", signed, { signal: this.stop.signal });
    // The form signs what is seen: it waits for the slices and the marks.
    const wanted = (/** @type {any} */ { detail }) => {
      if (detail.study === data.study) Object.assign(detail, { unseen: this.arriving ? UNSEEN : "", missing: this.tools?.sync.flush() });
    };
    window.addEventListener("neurotriage-signing", wanted, { signal: this.stop.signal });
    this.room = new ResizeObserver(() => this.layout.panes.length && (toolbar(this), this.strip.draw()));
    this.room.observe(this.part("bar"));
    const opening = async () => {
      await this.start();
      this.arriving -= Number(arrived);
    };
    this.begun = opening().catch((error) => this.failed(error));
  }

  close() {
    clearInterval(this.cine);
    this.tools?.close();
    this.stop.abort();
    this.room.disconnect();
    this.layout.close();
    for (const { loader, layers } of this.sources.values()) {
      loader.close();
      layers.close();
    }
    this.part("help").hidePopover();
    for (const name of ["bar", "thumbs", "legend"]) this.part(name).replaceChildren();
    delete this.part("thumbs").dataset.study;
    this.strip.clear();
  }

  /** @param {string} name @returns {HTMLElement} */
  part(name) {
    return /** @type {HTMLElement} */ (this.host.querySelector(`.nt-${name}`));
  }

  /** @param {Data} data */
  rename(data) {
    const before = this.data;
    const changed = change(before, data);
    this.data = data;
    this.host.dataset.study = data.study;
    this.part("banner").textContent = data.banner;
    void this.theirs.load();
    if (data.of !== before.of && this.layout.panes.length) this.refresh(); // windows are those of the person
    if (!changed) return;
    const arrived = Number(data.version !== before.version);
    this.arriving += arrived;
    const load = async () => {
      await anew(this, changed);
      this.arriving -= arrived;
    };
    this.begun = this.begun.then(load).catch((error) => this.failed(error)); // what comes later is loaded nevertheless
  }

  async start() {
    const keys = fetch("/viewer/modules/keys.json", { signal: this.stop.signal })
      .then((answer) => answer.json())
      .catch(() => ({})); // the picture can be read without keys
    const source = await this.source(this.data.study);
    const { head } = source;
    if (!head.series.length) await withAside(this, source);
    if (!head.series.length) {
      this.nothing([t("No series of this study has slices that can be shown."), ...head.set_aside].join(" "));
      return;
    }
    const [number, at] = head.first ?? [head.series[0].number, head.series[0].slices.length >> 1];
    this.layout.arrange("one", source, [head.series.findIndex((one) => one.number === number), at]);
    if (!inField()) this.host.focus({ preventScroll: true }); // who has begun to type before the picture came goes on
    this.keys = await keys;
    this.refresh();
    this.tools = await toolsOf(this, head.id);
    this.refresh();
  }

  /** @param {Error} error */
  failed(error) {
    if (!this.stop.signal.aborted) this.nothing(error.message);
  }

  /** @param {string} why There is no picture. */
  nothing(why) {
    this.part("legend").textContent = why;
    end(this.host);
  }

  /** The study that is read. @returns {Source} */
  get main() {
    return /** @type {Source} */ (this.sources.get(this.data.study));
  }

  /** @param {string} id @returns {Promise<Source>} */
  async source(id) {
    const known = this.sources.get(id) ?? (await this.fetched(id));
    this.sources.set(id, known);
    return known;
  }

  /** @param {string} id @returns {Promise<Source>} A study as the server has it now. */
  async fetched(id) {
    const head = await ask(id, id === this.data.study ? this.data.version : "");
    this.stop.signal.throwIfAborted();
    if (this.data.blind) unseen(head);
    const changed = () => this.changed();
    const other = id === this.data.study ? "" : head.date < this.main.head.date ? t("PRIOR STUDY {day}", { day: day(head.date) }) : t("OTHER STUDY {day}", { day: day(head.date) });
    return { head, other, loader: new Loader(head, changed), layers: new Layers(head, changed), windows: new Windows(() => this.data.of, head.address) };
  }

  /** @param {Pane} pane What lies over its slice, and nothing where the reader wants nothing. */
  over(pane) {
    const wanted = (settings.heat || settings.outline) && pane.source.head.answer && pane.viewport.image;
    return wanted ? pane.over(settings) : { layer: null, map: null, outline: null };
  }

  /** Something has come from the server. */
  changed() {
    this.layout.settle();
    for (const pane of this.layout.panes) pane.show();
    load(this);
  }

  /** Another slice, series, plane or arrangement is shown. */
  moved() {
    load(this);
    this.strip.draw();
    const { pane } = this.layout;
    this.part("strip").setAttribute("aria-label", this.strip.said(pane.at));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.layout.panes.length) return;
    if (event.key === "Escape" && (this.unfolded || typing(event))) {
      this.fold();
      return this.host.focus({ preventScroll: true });
    }
    const action = meaning(event, this.keys, this.host);
    const here = event.target === document.body || this.host.contains(/** @type {Node} */ (event.target));
    const taken = !action && here && (toolKey(this, event) || this.endZoom(event));
    if (!action && !taken) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Streamlit has keys of its own: r, c
    if (action) act(this, action);
  }

  /** @param {KeyboardEvent} event @returns {boolean} Whether it ended that the left button zooms, as it ends any tool. */
  endZoom(event) {
    const ends = event.key === "Escape" && this.zooming;
    if (ends) this.choose("zoom");
    return ends;
  }

  /** @param {import("./toolbox.js").State} state What was drawn, or taken in hand by a key. */
  drew(state) {
    const before = JSON.stringify(this.drawn);
    this.drawn = state;
    this.tool = state.tool ?? "";
    if (this.tool) this.zooming = false;
    this.host.dataset.tool = this.zooming ? "zoom" : this.tool;
    for (const pane of this.layout.panes.slice(1)) pane.viewport.requestDraw(); // key images have a star there too
    if (this.tools && JSON.stringify(state) !== before) toolbar(this);
  }

  /** Close what lies over the picture. */
  fold() {
    if (!this.unfolded) return;
    this.unfolded = "";
    toolbar(this);
  }

  /** @param {Partial<import("./types.js").Settings>} chosen */
  change(chosen) {
    Object.assign(settings, chosen, { heat: true });
    this.refresh();
  }

  /** Draw all of it again, after a change of what the reader chose. */
  refresh() {
    toolbar(this);
    for (const pane of this.layout.panes) pane.show();
    this.moved();
  }

  /**
   * Choose what the left button does.
   *
   * @param {string} tool "zoom", the name of a tool of measuring, or "" for the window; again to end it.
   */
  choose(tool) {
    this.unfolded = ""; // the picture is wanted now
    this.zooming = tool === "zoom" && !this.zooming;
    this.tool = tool === "zoom" ? "" : tool;
    this.tools?.setTool(this.tool || null);
    this.host.dataset.tool = this.zooming ? "zoom" : this.tool;
    this.refresh();
  }
}
