// @ts-check
// What stands above the rows: the lists with their counts, bands, classes, the search, the columns, the page and the CSV.

import { t } from "./t.js";

/**
 * @typedef {import("./worklist.js").Asked} Asked
 * @typedef {import("./worklist.js").Answer} Answer
 * @typedef {import("./worklist-table.js").Table} Table
 */

export class Filters {
  /**
   * @param {HTMLElement} place
   * @param {HTMLElement} bar of the news: it has its place here, so that it moves no row when it appears
   * @param {Table} table whose columns are chosen here
   * @param {boolean} mayList whether the reader may take the list away
   * @param {(change: Partial<Asked>, typed?: boolean) => void} ask
   */
  constructor(place, bar, table, mayList, ask) {
    this.table = table;
    this.ask = ask;
    this.lists = group(t("List"));
    this.bands = group(t("Band"));
    this.findings = group(t("AI"));
    this.search = document.createElement("input");
    this.search.type = "search";
    this.search.placeholder = t("Patient, MRN, accession, study");
    this.search.setAttribute("aria-label", t("Find"));
    this.search.oninput = () => ask({ text: this.search.value, page: 1 }, true);
    this.pages = group(t("Page"));
    this.sorted = document.createElement("button");
    this.sorted.className = "sorted";
    this.sorted.hidden = true;
    this.sorted.onclick = () => ask({ sort: "", descending: false, page: 1 });
    this.total = document.createElement("span");
    this.csv = document.createElement("a");
    this.csv.textContent = "CSV";
    this.csv.title = t("Download this list as a table");
    this.csv.setAttribute("download", "worklist.csv");
    const first = document.createElement("div");
    first.className = "first";
    first.append(this.lists, bar, this.search);
    const second = document.createElement("div");
    const right = document.createElement("div");
    right.className = "right";
    right.append(this.total, this.pages, this.#columns(), ...(mayList ? [this.csv] : []));
    second.append(this.bands, this.findings, right);
    place.append(this.sorted, first, second);
  }

  /**
   * @param {Asked} asked
   * @param {Answer} answer
   * @param {string} query
   */
  show(asked, answer, query) {
    const typing = this.search.matches(":focus");
    if (!typing && this.search.value !== asked.text) this.search.value = asked.text;
    this.search.classList.toggle("on", Boolean(asked.text)); // it hides studies, also after a reload
    const lists = answer.lists.map(({ name, label, count, within, told }) => {
      const made = this.#toggle(t("{label} {count}", { label, count }), asked.list === name, () => this.ask({ list: name, page: 1 }));
      if (told) made.title = told;
      if (within) {
        made.className = "within";
        made.title = t("Part of what waits");
      }
      return made;
    });
    this.lists.replaceChildren(...lists);
    const bands = Object.entries(answer.bands).map(([name, count]) =>
      this.#toggle(t("{label} {count}", { label: t(name), count }), asked.bands.includes(name), () =>
        this.ask({ bands: switched(asked.bands, name), page: 1 }),
      ),
    );
    // The bands would tell what the AI found.
    const blind = !bands.length;
    const said = asked.sort ? t("Blind reading") : t("Blind reading: in the order of arrival");
    this.bands.replaceChildren(...(blind ? [element("span", said)] : bands));
    const findings = answer.findings.map(({ name, label, count }) =>
      this.#toggle(t("{label} {count}", { label, count }), asked.findings.includes(name), () =>
        this.ask({ findings: switched(asked.findings, name), page: 1 }),
      ),
    );
    this.findings.replaceChildren(...findings);
    this.#order(asked, blind);
    const found = answer.total === 1 ? t("1 study found") : t("{count} studies found", { count: answer.total });
    const total = answer.total === 1 ? t("1 study") : t("{count} studies", { count: answer.total });
    this.total.replaceChildren(...(asked.text ? [found, this.#toggle(t("Show all"), false, () => this.ask({ text: "", page: 1 }))] : [total]));
    this.csv.href = `/worklist/rows.csv?${query}`;
    this.#pager(answer.page, answer.pages);
  }

  /**
   * Say that the reader sorted the list, which stays so until it is taken back; the ranking needs no words.
   * @param {Asked} asked
   * @param {boolean} blind
   */
  #order({ sort, descending }, blind) {
    const column = this.table.columns.find((one) => one.sort === sort && sort);
    this.sorted.hidden = !column;
    if (!column) return;
    const name = this.table.label(column);
    this.sorted.textContent = t("Sorted by you: {column}", { column: `${name} ${this.table.falls(column, descending) ? "↓" : "↑"}` });
    this.sorted.append(element("b", blind ? t("Back to the order of arrival") : t("Back to the ranking")));
    const back = blind ? t("Click for the order of arrival.") : t("Click for the order of the ranking.");
    this.sorted.title = `${t("The list is not in the reading order.")} ${back}`;
  }

  /**
   * @param {string} text
   * @param {boolean} on
   * @param {() => void} call
   */
  #toggle(text, on, call) {
    const made = document.createElement("button");
    made.textContent = text;
    made.ariaPressed = String(on);
    made.onclick = call;
    return made;
  }

  /**
   * @param {number} page
   * @param {number} pages
   */
  #pager(page, pages) {
    this.pages.hidden = pages < 2;
    if (this.pages.querySelector("input:focus") && this.pages.dataset.pages === String(pages)) return;
    this.pages.dataset.pages = String(pages);
    const number = document.createElement("input");
    number.type = "number";
    number.min = "1";
    number.max = String(pages);
    number.value = String(page);
    number.setAttribute("aria-label", t("Page"));
    number.onchange = () => this.ask({ page: Math.min(Math.max(Number(number.value) || 1, 1), pages) });
    const back = this.#toggle("‹", false, () => this.ask({ page: page - 1 }));
    const on = this.#toggle("›", false, () => this.ask({ page: page + 1 }));
    back.ariaLabel = t("Page before");
    on.ariaLabel = t("Page after");
    back.ariaPressed = on.ariaPressed = null;
    back.disabled = page <= 1;
    on.disabled = page >= pages;
    this.pages.replaceChildren(back, number, t("of {pages}", { pages }), on);
  }

  /** The choice of columns: which are shown, and in which order. */
  #columns() {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = t("Columns");
    summary.title = t("Which columns are shown. Drag a header to move it, its right edge to widen it.");
    const list = document.createElement("div");
    details.append(summary, list);
    details.ontoggle = () => {
      if (!details.open) return;
      this.#fill(list);
      closeByWhatFollows(details);
    };
    return details;
  }

  /** @param {HTMLElement} list */
  #fill(list) {
    const { columns } = this.table;
    const choices = columns.map((column, at) => {
      const line = document.createElement("div");
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = column.shown && !this.table.left.has(column.name);
      box.onchange = () => {
        this.table.choose(this.table.choice.map((one) => (one.name === column.name ? { ...one, shown: box.checked } : one)));
        this.table.calls.choose(this.table.choice);
      };
      label.append(box, this.table.label(column));
      const up = this.#toggle("↑", false, () => {
        this.table.move(column.name, columns[at - 1].name);
        this.#fill(list);
      });
      up.ariaLabel = t("{column} further left", { column: this.table.label(column) });
      up.ariaPressed = null;
      up.disabled = at === 0;
      line.append(label, up);
      return line;
    });
    list.replaceChildren(element("p", t("Shown, from left to right")), ...choices);
  }
}

/**
 * @param {string} kind
 * @param {string} text
 */
function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

/**
 * Close what has unfolded by Escape, wherever the focus is, and by a press anywhere else.
 * @param {HTMLDetailsElement} details
 */
function closeByWhatFollows(details) {
  const end = new AbortController();
  /** @param {Event} event */
  const close = (event) => {
    const elsewhere = event instanceof KeyboardEvent ? event.key === "Escape" : !event.composedPath().includes(details);
    if (details.open && details.isConnected && !elsewhere) return;
    details.open = false;
    end.abort();
  };
  for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, close, { capture: true, signal: end.signal });
}

/** @param {string} label */
function group(label) {
  const made = document.createElement("div");
  made.setAttribute("role", "group");
  made.setAttribute("aria-label", label);
  return made;
}

/**
 * @param {string[]} names
 * @param {string} name
 */
function switched(names, name) {
  return names.includes(name) ? names.filter((one) => one !== name) : [...names, name];
}
