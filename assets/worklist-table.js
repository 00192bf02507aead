// @ts-check
// The table of the worklist. A study is known by its ID, never by its place: what is opened is what stood under the
// pointer when it was pressed. Headers sort, move by dragging and widen at their right edge.

import { chosen } from "./worklist-columns.js";
import { drawRow } from "./worklist-row.js";

/**
 * @typedef {import("./worklist-columns.js").Row} Row
 * @typedef {import("./worklist-columns.js").Column} Column
 * @typedef {{name: string, shown: boolean, width: number | null}} Choice
 */

const NARROWEST = 48; // pixels
const TIGHTEST = 0.88; // how far columns that nobody has widened shrink before one of them is left out
const LONG = 0.25; // share of the room to spare that each long column gets before all share what is left
const DRAG = 5; // pixels between press and release that make a selection of text of a click

export class Table {
  /**
   * @param {HTMLElement} place to draw in
   * @param {{open: (id: string) => void, sort: (sort: string, falls: boolean) => void,
   *   choose: (choice: Choice[]) => void}} calls
   */
  constructor(place, calls) {
    this.place = place;
    this.calls = calls;
    /** @type {Column[]} */
    this.columns = chosen([]);
    /** Whether the reader has chosen columns: then none is left out for want of room, and none shrinks. */
    this.own = false;
    /** @type {Set<string>} names of the columns that there is no room for */
    this.left = new Set();
    /** @type {Row[]} */
    this.rows = [];
    this.sorted = { by: "", falls: false };
    /** @type {{id: string, x: number, y: number} | null} */
    this.pressed = null;
    /** The study that is being opened, whose row says so. */
    this.taken = "";
    this.room = place.clientWidth;
    this.watch = new ResizeObserver(() => this.#resized());
    this.watch.observe(place);
    place.addEventListener("pointerdown", (event) => this.#press(event));
    place.addEventListener("click", (event) => this.#click(event));
    place.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {Choice[]} kept */
  choose(kept) {
    this.columns = chosen(kept);
    this.own = kept.length > 0;
    this.draw();
  }

  /** @returns {Choice[]} */
  get choice() {
    return this.columns.map(({ name, shown, width }) => ({ name, shown: shown && !this.left.has(name), width }));
  }

  /**
   * @param {Row[]} rows
   * @param {string} by
   * @param {boolean} falls
   */
  show(rows, by, falls) {
    this.rows = rows;
    this.sorted = { by, falls };
    this.draw();
  }

  /** @param {string} id of the study that is being opened; none if it is not any more */
  take(id) {
    this.taken = id;
    this.draw();
  }

  draw() {
    const focused = this.#focused()?.dataset.id;
    const shown = this.#fitting();
    const table = document.createElement("table");
    table.style.minWidth = `${shown.reduce((sum, column) => sum + column.width, 0)}px`;
    const head = table.createTHead().insertRow();
    shown.forEach((column) => head.append(this.#header(column)));
    table.append(...this.rows.map((row) => drawRow(row, shown, row.id === this.taken)));
    this.place.replaceChildren(table);
    const again = this.#bodies().find((body) => body.dataset.id === focused) ?? this.#bodies()[0];
    this.#reach(again, focused !== undefined && again?.dataset.id === focused);
  }

  /**
   * The columns that are shown, as wide as there is room for. Those that a reader needs least go first.
   * @returns {Column[]}
   */
  #fitting() {
    this.left.clear();
    // Before a blind reading no row says what the AI found: the columns for it would stand empty.
    const blind = this.rows.length > 0 && this.rows.every((row) => !row.band);
    let shown = this.columns.filter((column) => column.shown && !(blind && column.ofAI));
    if (this.own || !this.room) return shown;
    const wide = () => shown.reduce((sum, column) => sum + column.width, 0);
    for (const { name } of shown.filter((column) => column.spare).sort((one, other) => (one.spare ?? 0) - (other.spare ?? 0))) {
      if (wide() * TIGHTEST <= this.room) break;
      this.left.add(name);
      shown = shown.filter((column) => column.name !== name);
    }
    const part = Math.max(Math.min(this.room / wide(), 1), TIGHTEST);
    const rest = Math.max(this.room - wide(), 0) * LONG;
    return shown.map((column) => ({ ...column, width: Math.floor(column.width * part + (column.long ? rest : 0)) }));
  }

  #resized() {
    const { clientWidth } = this.place;
    if (clientWidth === this.room) return;
    this.room = clientWidth;
    if (this.place.querySelector("table")) this.draw();
  }

  /**
   * What a column is called above the rows that are shown.
   * @param {Column} column
   */
  label(column) {
    const waits = !this.rows.length || this.rows.some((row) => row.waiting);
    return waits ? column.label : (column.done ?? column.label);
  }

  /**
   * Whether a sorted column falls as it reads: the longest wait is the earliest arrival.
   * @param {Column} column
   * @param {boolean} falls as the server sorts
   */
  falls(column, falls) {
    return column.done && this.label(column) !== column.done ? !falls : falls;
  }

  /** @param {Column} column */
  #header(column) {
    const header = document.createElement("th");
    header.scope = "col";
    header.style.width = `${column.width}px`;
    header.title = column.help;
    const name = document.createElement(column.sort ? "button" : "span");
    name.textContent = this.label(column);
    header.append(name);
    if (column.sort) {
      const mine = this.sorted.by === column.sort;
      const falls = this.falls(column, this.sorted.falls);
      header.ariaSort = mine ? (falls ? "descending" : "ascending") : "none";
      if (mine) {
        const arrow = document.createElement("span");
        arrow.className = "arrow";
        arrow.textContent = falls ? " ↓" : " ↑";
        name.append(arrow);
      }
      // All of the header is pressed, and not the word alone; its edge widens the column.
      header.onclick = ({ target }) => /** @type {Element} */ (target).matches(".edge") || this.#sort(column);
      header.classList.add("sorts");
    }
    header.draggable = true;
    header.ondragstart = (event) => event.dataTransfer?.setData("text/plain", column.name);
    header.ondragover = (event) => event.preventDefault();
    header.ondrop = (event) => {
      event.preventDefault();
      this.move(event.dataTransfer?.getData("text/plain") ?? "", column.name);
    };
    header.append(this.#edge(column, header));
    return header;
  }

  /**
   * A click sorts, a second one the other way round, a third one gives the reading order again.
   * @param {Column} column
   */
  #sort(column) {
    const first = column.falls ?? false;
    const { by, falls } = this.sorted;
    if (by !== column.sort) this.calls.sort(column.sort ?? "", first);
    else if (falls === first) this.calls.sort(by, !first);
    else this.calls.sort("", false);
  }

  /**
   * Put a column before another one.
   * @param {string} name
   * @param {string} before
   */
  move(name, before) {
    const column = this.columns.find((one) => one.name === name);
    if (!column || name === before) return;
    const others = this.columns.filter((one) => one !== column);
    others.splice(others.findIndex((one) => one.name === before), 0, column);
    this.columns = others;
    this.#chosen();
  }

  /**
   * The right edge of a header, to widen the column by.
   * @param {Column} column
   * @param {HTMLElement} header
   */
  #edge(column, header) {
    const edge = document.createElement("span");
    edge.className = "edge";
    edge.onpointerdown = (down) => {
      down.preventDefault();
      edge.setPointerCapture(down.pointerId);
      const from = header.getBoundingClientRect().width - down.clientX;
      edge.onpointermove = (event) => {
        const width = Math.max(Math.round(from + event.clientX), NARROWEST);
        this.columns = this.columns.map((one) => (one.name === column.name ? { ...one, width } : one));
        column.width = width;
        header.style.width = `${column.width}px`;
      };
      edge.onpointerup = () => {
        edge.onpointermove = edge.onpointerup = null;
        this.#chosen();
      };
    };
    edge.draggable = true; // or the header would be dragged
    edge.ondragstart = (event) => (event.preventDefault(), event.stopPropagation());
    return edge;
  }

  #chosen() {
    const { choice } = this;
    this.choose(choice);
    this.calls.choose(choice);
  }

  /** @param {PointerEvent} event */
  #press(event) {
    const id = bodyOf(event)?.dataset.id;
    this.pressed = id ? { id, x: event.clientX, y: event.clientY } : null;
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const pressed = this.pressed;
    this.pressed = null;
    const id = pressed?.id ?? bodyOf(event)?.dataset.id;
    if (!id) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser opens the link in another tab or window
    event.preventDefault();
    if (pressed && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > DRAG) return;
    this.calls.open(id);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const bodies = this.#bodies();
    const at = bodies.indexOf(/** @type {HTMLElement} */ (this.#focused()));
    if (at < 0) return;
    const page = Math.max(Math.floor(this.place.clientHeight / bodies[at].offsetHeight) - 1, 1);
    /** @type {Record<string, number>} */
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: bodies.length };
    if (!(event.key in to)) return;
    event.preventDefault();
    this.#reach(bodies[Math.min(Math.max(to[event.key], 0), bodies.length - 1)], true);
  }

  #bodies() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (this.place.querySelectorAll("tbody"))];
  }

  /** @returns {HTMLElement | undefined} */
  #focused() {
    return this.#bodies().find((body) => body.matches(":focus-within"));
  }

  /**
   * Make a row the one that Tab reaches, and focus it if asked to.
   * @param {HTMLElement | undefined} body
   * @param {boolean} focus
   */
  #reach(body, focus) {
    this.#bodies().forEach((one) => target(one)?.setAttribute("tabindex", one === body ? "0" : "-1"));
    if (body && focus) target(body)?.focus();
  }
}

/**
 * What of a row takes the focus: its link, or the row if the column of the link is not shown.
 * @param {HTMLElement} body
 * @returns {HTMLElement}
 */
function target(body) {
  return body.querySelector("a") ?? body;
}

/**
 * The row that an event is about.
 * @param {Event} event
 * @returns {HTMLElement | null}
 */
function bodyOf(event) {
  return event.target instanceof Element ? event.target.closest("tbody") : null;
}
