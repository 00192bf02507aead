// @ts-check
// The columns of the worklist: what each shows, and which of them a reader has chosen, in which order and how wide.

import { day as written, decimals, locale, t } from "./t.js";

/**
 * @typedef {{reader: string, finding: string, at: string, superseded: boolean}} Signature
 * @typedef {{id: string, band: string, malignancy: number | null, finding: string | null, ai: string, patient: string,
 *   mrn: string, accession: string, study: string, date: string, images: string, arrived: string, waited: number, status: string,
 *   waiting: boolean, reason: string, claimed: string, drafts: string[], own: boolean, prior: boolean, signed: Signature[]}} Row
 * `done` is what a column is called where nothing waits.
 * Columns `ofAI` are left out where no row shows what the AI found.
 * Columns with `spare` are left out where there is no room, the lowest first. What a `long` one says may take two lines.
 * @typedef {{name: string, label: string, help: string, width: number, shown: boolean, sort?: string,
 *   falls?: boolean, spare?: number, long?: boolean, ofAI?: boolean, done?: string, fill: (cell: HTMLElement, row: Row) => void}} Column
 */

/** @type {(field: keyof Row) => Column["fill"]} */
const text = (field) => (cell, row) => {
  cell.textContent = String(row[field] ?? "");
  cell.title = cell.textContent;
};

/** @type {Column[]} */
export const COLUMNS = [
  { name: "band", label: t("Band"), help: t("How soon it is to be read"), width: 96, shown: true, sort: "band", ofAI: true,
    fill: band },
  { name: "malignancy", label: t("P(glioma)"), help: t("Calibrated probability of a glioma"), width: 100, shown: true,
    sort: "malignancy", falls: true, ofAI: true, fill: probability },
  { name: "ai", label: t("AI"), help: t("The most probable class, or why there is none"), width: 118, shown: true,
    sort: "predicted", fill: answer },
  { name: "patient", label: t("Patient"), help: t("As the files name the patient"), width: 126, shown: true, sort: "patient",
    fill: patient },
  { name: "mrn", label: t("MRN"), help: t("Medical record number"), width: 76, shown: true, sort: "mrn", fill: text("mrn") },
  { name: "accession", label: t("Accession"), help: t("Accession number"), width: 96, shown: true, sort: "accession",
    spare: 2, fill: text("accession") },
  { name: "study", label: t("Study"), help: t("Description or file name"), width: 134, shown: true, sort: "study",
    long: true, fill: study },
  { name: "date", label: t("Study date"), help: t("When the images were taken; an older study of a patient is marked"),
    width: 104, shown: true, sort: "date", falls: true, spare: 3, fill: day },
  { name: "images", label: t("Images"), help: t("Modality and number of slices, without series that are set aside"),
    width: 78, shown: true, sort: "images", falls: true, spare: 1, fill: text("images") },
  { name: "arrived", label: t("Waiting"), help: t("Time since arrival, or when it arrived if it does not wait any more"),
    width: 80, shown: true, sort: "arrived", done: t("Arrived"), fill: waiting },
  { name: "reader", label: t("Reader"), help: t("Who has it open, and who signed what"), width: 136, shown: true,
    sort: "status", long: true, fill: reader },
];

/** @type {(cell: HTMLElement, row: Row) => void} */
function band(cell, row) {
  if (!row.band) return; // before a blind reading
  const mark = document.createElement("span");
  mark.className = `band ${row.band}`;
  mark.textContent = t(row.band);
  cell.append(mark);
}

/** @type {(cell: HTMLElement, row: Row) => void} */
function probability(cell, row) {
  if (row.malignancy === null) return;
  const bar = document.createElement("span");
  bar.className = "bar";
  bar.style.setProperty("--part", String(row.malignancy));
  cell.append(bar, decimals(row.malignancy, 2));
}

/** @type {(cell: HTMLElement, row: Row) => void} */
function answer(cell, row) {
  const dot = document.createElement("span");
  dot.className = `dot ${row.finding ?? "none"}`;
  cell.append(dot, row.ai);
  cell.title = row.ai;
}

/** @type {(cell: HTMLElement, row: Row) => void} */
function patient(cell, row) {
  const link = document.createElement("a");
  link.href = `/review?study=${encodeURIComponent(row.id)}`;
  link.textContent = row.patient || t("no name");
  link.tabIndex = -1;
  cell.title = row.patient;
  cell.append(link);
}

/** @type {(cell: HTMLElement, row: Row) => void} */
function study(cell, row) {
  cell.title = row.study;
  // The name of a file breaks between its parts.
  for (const part of row.study.split(/(?<=_)/)) cell.append(part, document.createElement("wbr"));
}

/** @type {(cell: HTMLElement, row: Row) => void} */
function day(cell, row) {
  if (row.date) cell.append(written(row.date));
  if (row.prior) {
    const mark = document.createElement("span");
    mark.className = "prior";
    mark.textContent = t("prior");
    cell.title = t("The record has a newer study of this patient");
    cell.append(" ", mark);
  }
}

/** @type {(cell: HTMLElement, row: Row) => void} */
function waiting(cell, row) {
  const arrived = new Date(row.arrived);
  cell.textContent = row.waiting ? duration(1000 * row.waited) : arrived.toLocaleDateString(locale, { dateStyle: "medium" });
  cell.title = t("Arrived {time}", { time: moment(row.arrived) });
}

/** What a study that was read still waits for. @type {Record<string, string>} */
const NEEDED = { "second read": t("2nd read"), arbitration: t("arbitration") };

/** @type {(cell: HTMLElement, row: Row) => void} */
function reader(cell, row) {
  const signed = row.signed.map((one) => {
    const { reader, finding } = one;
    return finding ? t("{reader} signed: {finding}", { reader, finding }) : t("{reader} signed", { reader });
  });
  const begun = [
    ...(row.claimed ? [[t("open: {reader}", { reader: row.claimed }), t("{reader} has it open", { reader: row.claimed })]] : []),
    ...row.drafts.map((reader) => [t("draft: {reader}", { reader }), t("{reader} has a draft that is not signed", { reader })]),
  ];
  const shown = begunShortly(row, begun.map(([short]) => short));
  if (NEEDED[row.status]) cell.append(NEEDED[row.status], "; ");
  shown.forEach((short, at) => {
    const open = document.createElement("span");
    open.className = "open";
    open.textContent = short;
    cell.append(open, signed.length || at < shown.length - 1 ? "; " : "");
  });
  cell.append(signed.filter((_, at) => !row.signed[at].superseded).reverse().join("; "));
  const times = signed.map((one, at) => {
    const said = `${one}, ${moment(row.signed[at].at)}`;
    return row.signed[at].superseded ? t("superseded: {reading}", { reading: said }) : said;
  });
  cell.title = [...begun.map(([, long]) => long), ...times].join("\n");
}

/**
 * Who has a study open and whose drafts it has, in few lines: a name once, and one's own not at all.
 * @param {Row} row
 * @param {string[]} each who has it open, then the drafts
 */
function begunShortly({ claimed, drafts, own }, each) {
  if (!claimed || !drafts.includes(claimed)) return each;
  const both = own ? t("your draft") : t("open, draft: {reader}", { reader: claimed });
  return [both, ...each.slice(1).filter((_, at) => drafts[at] !== claimed)];
}

/**
 * A time in the time zone of the browser, and in UTC.
 * @param {string} iso
 */
export function moment(iso) {
  const time = new Date(iso);
  const utc = time.toISOString().slice(0, 16).replace("T", " ");
  return `${time.toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" })} (${utc} UTC)`;
}

/**
 * A duration as text: 45 s, 12 min, 3 h 05, 2 d 4 h.
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  const seconds = Math.max(Math.floor(milliseconds / 1000), 0);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) {
    return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")}`;
  }
  return t("{days} d {hours} h", { days: Math.floor(seconds / 86400), hours: Math.floor((seconds % 86400) / 3600) });
}

/**
 * The columns as a reader has chosen them; those that the choice does not name stand at the end.
 * @param {{name: string, shown: boolean, width: number | null}[]} kept
 * @returns {Column[]}
 */
export function chosen(kept) {
  const columns = COLUMNS.map((column) => {
    const choice = kept.find((one) => one.name === column.name);
    return choice ? { ...column, shown: choice.shown, width: choice.width ?? column.width } : { ...column };
  });
  /** @param {Column} column */
  const place = (column) => {
    const at = kept.findIndex((one) => one.name === column.name);
    return at < 0 ? kept.length : at;
  };
  return columns.sort((one, other) => place(one) - place(other));
}
