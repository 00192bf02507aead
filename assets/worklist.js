// @ts-check
// The worklist on its page: asks for rows as the reader types, sorts or turns a page, and when something has changed.
// While the pointer is over the rows, or one has the focus, nothing moves: what is new waits behind a bar.

import { t } from "./t.js";
import { Filters } from "./worklist-filters.js";
import { fill } from "./worklist-height.js";
import { keep, kept } from "./worklist-kept.js";
import { Table } from "./worklist-table.js";

/**
 * @typedef {import("./worklist-columns.js").Row} Row
 * @typedef {{list: string, bands: string[], findings: string[], text: string, sort: string, descending: boolean,
 *   page: number}} Asked
 * @typedef {{name: string, label: string, count: number, within?: boolean, told?: string}} List
 * @typedef {{rows: Row[], total: number, page: number, pages: number, lists: List[], bands: Record<string, number>,
 *   findings: List[], hiding: Hiding | null, sort: string}} Answer
 * The least that hides every study that a search finds, and how many show without it.
 * @typedef {{count: number, by: ("list" | "bands" | "findings")[]}} Hiding
 */

const AGAIN = 20_000; // milliseconds: waits grow, claims end
const OPENING = 10_000; // milliseconds after which a study that the server did not open can be tried again
const TYPING = 120; // milliseconds without a key before what was typed is looked up
/** What shows studies that a filter hides. */
const WITHOUT = { list: { list: "all" }, bands: { bands: [] }, findings: { findings: [] } };
/** @type {Asked} */
const START = { list: "waiting", bands: [], findings: [], text: "", sort: "", descending: false, page: 1 };

/**
 * @param {HTMLElement & {component: any}} host
 * @returns {() => void} what ends it
 */
export function mount(host) {
  const worklist = new Worklist(host);
  return () => worklist.stop();
}

class Worklist {
  /** @param {HTMLElement & {component: any}} host */
  constructor(host) {
    this.host = host;
    this.root = document.createElement("div");
    this.root.className = "worklist";
    this.bar = element("div", "bar-of-news");
    this.bar.setAttribute("role", "status");
    this.scroll = element("div", "rows");
    const filters = element("div", "filters");
    this.root.append(filters, this.scroll);
    host.append(this.root);
    /** @type {Asked} */
    this.asked = { ...START, ...kept(host.component.data.of) };
    /** @type {Answer | null} */
    this.waiting = null;
    /** @type {Set<string>} */
    this.fresh = new Set();
    this.table = new Table(this.scroll, {
      open: (id) => this.open(id),
      sort: (sort, descending) => this.ask({ sort, descending, page: 1 }),
      choose: (columns) => this.keep(columns),
    });
    const ask = (/** @type {Partial<Asked>} */ change, typed = false) => this.ask(change, typed ? TYPING : 0);
    this.filters = new Filters(filters, this.bar, this.table, host.component.data.list, ask);
    this.scroll.addEventListener("pointerleave", () => this.release());
    this.scroll.addEventListener("focusout", () => setTimeout(() => this.release()));
    this.end = new AbortController();
    const options = { signal: this.end.signal };
    window.addEventListener("neurotriage", (event) => this.hear(/** @type {CustomEvent} */ (event).detail), options);
    window.addEventListener("neurotriage-open", (event) => {
      event.preventDefault();
      this.open(/** @type {CustomEvent} */ (event).detail);
    }, options);
    this.again = setInterval(() => this.refresh(), AGAIN);
    fill(this.root, this.end.signal);
    void this.begin();
    void this.ahead();
  }

  stop() {
    this.end.abort();
    clearInterval(this.again);
    clearTimeout(this.typing);
    clearTimeout(this.opening);
    this.request?.abort();
    this.root.remove();
  }

  /** Load the viewer, and of the study under the pointer what is seen first, before it is opened. */
  async ahead() {
    const [{ watch }] = await Promise.all(this.host.component.data.viewer.map((/** @type {string} */ one) => import(one)));
    watch(this.scroll, this.end.signal);
  }

  async begin() {
    try {
      const { columns = [] } = await (await fetch("/worklist/columns")).json();
      this.table.choose(columns);
    } catch {
      // The columns stand as they are by default.
    }
    this.refresh();
  }

  /** @param {string} id */
  open(id) {
    this.host.component.setTriggerValue("open", id);
    this.table.take(id);
    clearTimeout(this.opening);
    this.opening = setTimeout(() => this.table.take(""), OPENING);
  }

  /**
   * Ask for something else than before.
   * @param {Partial<Asked>} change
   * @param {number} [after] milliseconds
   */
  ask(change, after = 0) {
    this.asked = { ...this.asked, ...change };
    keep(this.host.component.data.of, this.asked);
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.load(true), after);
  }

  refresh() {
    void this.load(false);
  }

  /** @param {boolean} wanted whether the reader asked for it: then it is shown at once */
  async load(wanted) {
    if (!wanted && this.loading) return; // what the reader asked for comes first
    this.request?.abort();
    const request = (this.request = new AbortController());
    this.loading = wanted;
    try {
      const answer = await fetch(`/worklist/rows?${this.query()}`, { signal: request.signal });
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.reason);
      this.take(said, wanted);
    } catch (error) {
      if (request.signal.aborted) return;
      this.appear();
      const reason = error instanceof Error && !(error instanceof TypeError) ? error.message : "";
      this.say(`${reason || t("The server does not answer.")} ${t("The list may be out of date; it is asked for again by itself.")}`);
    }
    if (this.request === request) this.loading = false;
  }

  query() {
    const { list, bands, findings, text, sort, descending, page } = this.asked;
    const query = { list, bands: bands.join(), findings: findings.join(), text, sort };
    return new URLSearchParams({ ...query, descending: String(descending), page: String(page) }).toString();
  }

  /**
   * @param {Answer} answer
   * @param {boolean} wanted
   */
  take(answer, wanted) {
    const shown = this.table.rows;
    const held = this.scroll.matches(":hover") || this.scroll.matches(":focus-within");
    const same = answer.rows.length === shown.length && answer.rows.every((row, at) => row.id === shown[at].id);
    if (wanted || !held || same || !this.drawn) this.show(answer, same);
    else {
      this.waiting = answer;
      const count = this.fresh.size;
      const several = count === 1 ? t("1 new study") : t("{count} new studies", { count });
      this.say(count ? several : t("The list has changed"), t("Show"), () => this.release(true));
    }
  }

  /**
   * @param {Answer} answer
   * @param {boolean} [same] whether the same studies stand in the same places
   */
  show(answer, same = false) {
    this.waiting = null;
    this.drawn = true;
    this.appear();
    this.fresh.clear();
    this.say("");
    this.asked.page = answer.page;
    this.asked.sort = answer.sort; // before a blind reading not every column sorts
    const { sort, descending } = this.asked;
    const top = this.scroll.scrollTop;
    this.table.show(answer.rows, sort, descending);
    this.filters.show(this.asked, answer, this.query());
    if (same) this.scroll.scrollTop = top;
    if (!answer.rows.length) this.scroll.replaceChildren(this.nothing(answer));
  }

  /** There is something to see: what said that it is being loaded goes. */
  appear() {
    this.root.classList.add("drawn");
    this.host.querySelector(".loading")?.remove();
  }

  /**
   * Why no row is shown: which list and filters hide what was looked for, and a button that takes them away.
   * @param {Answer} answer
   */
  nothing(answer) {
    const all = answer.lists.find((list) => list.name === "all")?.count ?? 0;
    const note = element("p", "nothing");
    const { list, bands, findings, text } = this.asked;
    if (!text && list === "waiting" && !bands.length && !findings.length) {
      const read = all ? `${t("What was read stands under All.")} ` : "";
      note.textContent = `${t("Nothing waits to be read.")} ${read}${this.host.component.data.arrive}`;
      return note;
    }
    const { hiding } = answer;
    if (!hiding) {
      note.append(text ? t("No study of any list mentions this.") : t("There is no study yet."));
      if (text) note.append(" ", button(t("Clear the search"), () => this.ask({ text: "", page: 1 })));
      return note;
    }
    const { count, by } = hiding;
    const filters = named(this.asked, answer, by).join(", ");
    if (!text) note.append(t("No study matches: {filters}.", { filters }));
    else if (count === 1) note.append(t("1 study mentions this, but is hidden: {filters}.", { filters }));
    else note.append(t("{count} studies mention this, but are hidden: {filters}.", { count, filters }));
    const elsewhere = by.includes("list");
    if (elsewhere) note.append(" ", t("The list All shows what is found."));
    const clear = Object.assign({ page: 1 }, ...by.map((name) => WITHOUT[name]));
    note.append(" ", button(elsewhere ? t("Go to the list All") : t("Clear the filters"), () => this.ask(clear)));
    return note;
  }

  /**
   * Show what waits behind the bar, if the reader has left the rows or asks for it.
   * @param {boolean} [asked]
   */
  release(asked = false) {
    if (this.waiting && (asked || !this.scroll.matches(":hover, :focus-within"))) this.show(this.waiting);
  }

  /** @param {import("./events.js").NewsItem} news */
  hear(news) {
    if (news.event === "received" || news.event === "ranked") this.fresh.add(news.study_id);
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.refresh(), 200); // one look for what comes together
  }

  /** @param {import("./worklist-table.js").Choice[]} columns */
  keep(columns) {
    const options = { method: "PUT", body: JSON.stringify({ columns }) };
    fetch("/worklist/columns", options).catch(() => this.say(t("The columns were not kept. Choose them again later.")));
  }

  /**
   * @param {string} text
   * @param {string} [label] of a button
   * @param {() => void} [call]
   */
  say(text, label, call) {
    this.bar.replaceChildren(text);
    this.bar.title = text;
    if (label && call) {
      this.bar.append(": ", button(label, call));
    }
    this.bar.hidden = !text;
  }
}

/**
 * The list and the filters that hide studies, in words.
 * @param {Asked} asked
 * @param {Answer} answer
 * @param {Hiding["by"]} by
 */
function named(asked, { lists, findings }, by) {
  const label = (/** @type {List[]} */ known, /** @type {string} */ name) => known.find((one) => one.name === name)?.label ?? name;
  const words = {
    list: () => t("list {name}", { name: label(lists, asked.list) }),
    bands: () => t("band {names}", { names: asked.bands.map((name) => t(name)).join(" + ") }),
    findings: () => t("AI {names}", { names: asked.findings.map((name) => label(findings, name)).join(" + ") }),
  };
  return by.map((name) => words[name]());
}

/**
 * @param {string} text
 * @param {() => void} call
 */
function button(text, call) {
  const made = document.createElement("button");
  made.textContent = text;
  made.onclick = call;
  return made;
}

/**
 * @param {string} kind
 * @param {string} name
 */
function element(kind, name) {
  const made = document.createElement(kind);
  made.className = name;
  return made;
}
