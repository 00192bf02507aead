// @ts-check
// What the scripts say, in the language of the page.

/** @typedef {{locale: string, messages: Record<string, string>}} Messages */

/** @type {Messages} */
const ENGLISH = { locale: "en", messages: {} };

/** @returns {Promise<Messages>} English where the server does not answer. */
async function load() {
  const answer = await fetch("/languages/messages.json").catch(() => null);
  return answer?.ok ? answer.json() : ENGLISH;
}

// The scripts of worklist, form and viewer each import this module from beside them; the page asks once for all.
const shared = /** @type {{neurotriageMessages?: Promise<Messages>}} */ (globalThis);
const known = await (shared.neurotriageMessages ??= load());

/** How dates and numbers are written: `de-AT`. */
export const locale = known.locale;
document.documentElement.lang = locale;

/** By style and digits: to make one takes longer than to draw a slice. @type {Record<string, Intl.NumberFormat>} */
const formats = {};

/**
 * Say a message, its holes filled with values: `t("{count} studies", {count: 3})`.
 *
 * @param {string} message In English, as a literal, so that it is found for the catalogue.
 * @param {Record<string, string | number>} [values] Numbers are written as the language writes them.
 * @returns {string}
 */
export function t(message, values = {}) {
  const said = known.messages[message] ?? message;
  return said.replace(/\{(\w+)\}/g, (hole, name) => {
    const value = values[name] ?? hole;
    return typeof value === "number" ? decimals(value, 0) : value;
  });
}

/**
 * Write a date.
 *
 * @param {string} iso `2026-01-31`; nothing where there is none.
 */
export function day(iso) {
  return iso && new Date(`${iso}T00:00`).toLocaleDateString(locale, { dateStyle: "medium" });
}

/**
 * Write a number with so many digits after its sign.
 *
 * @param {number} value
 * @param {number} digits
 */
export function decimals(value, digits) {
  return rounded(value, digits, "decimal");
}

/**
 * Write a share of 1 in percent.
 *
 * @param {number} share
 * @param {number} digits
 */
export function percent(share, digits) {
  return rounded(share, digits, "percent");
}

/**
 * Round as `number` and `percent` of triage/languages/speech.py do, which say the same number on the same page: what is
 * written of the number counts, not its bits, and of two that are equally near, the even digit.
 *
 * @param {number} value
 * @param {number} digits
 * @param {"decimal" | "percent"} style
 * @returns {string}
 */
function rounded(value, digits, style) {
  const how = { style, minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false, roundingMode: "halfEven" };
  formats[`${style} ${digits}`] ??= new Intl.NumberFormat(locale, /** @type {any} */ (how));
  return formats[`${style} ${digits}`].format(/** @type {any} */ (String(value)));
}

