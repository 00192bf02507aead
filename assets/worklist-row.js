// @ts-check
// One row of the worklist: the cells of a study, and below them the reason for its place.

import { t } from "./t.js";

/**
 * @typedef {import("./worklist-columns.js").Row} Row
 * @typedef {import("./worklist-columns.js").Column} Column
 */

const REASON = 400; // pixels that the reason of a rank needs for itself

/**
 * @param {Row} row
 * @param {Column[]} shown
 * @param {boolean} taken whether the study is being opened: then its row says so
 */
export function drawRow(row, shown, taken) {
  const body = document.createElement("tbody");
  body.dataset.id = row.id;
  body.classList.toggle("done", !row.waiting);
  body.classList.toggle("taken", taken);
  const cells = body.insertRow();
  // The reason stands below the columns before the first one that may need two lines, which stands beside it.
  const long = shown.findIndex((column) => column.long);
  const room = shown.slice(0, Math.max(long, 0)).reduce((sum, column) => sum + column.width, 0);
  const beside = room < REASON ? shown.length : long;
  for (const [at, column] of shown.entries()) {
    const cell = cells.insertCell();
    if (at >= beside) {
      cell.rowSpan = 2;
      cell.className = "beside";
    }
    cell.dataset.column = column.name;
    const text = document.createElement("div"); // a cell of a table cannot end its text after two lines
    column.fill(text, row);
    cell.title = text.title;
    text.title = "";
    cell.append(text);
  }
  const why = body.insertRow().insertCell();
  why.colSpan = beside;
  why.className = "why";
  why.title = row.reason;
  const reason = document.createElement("div");
  reason.textContent = taken ? t("Opening …") : row.reason;
  why.append(reason);
  return body;
}
