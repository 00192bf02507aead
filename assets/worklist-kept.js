// @ts-check
// What a person filtered, sought and sorted in this tab stays across pages and reloads, and is forgotten for the next person.

/** @typedef {import("./worklist.js").Asked} Asked */

const PLACE = "neurotriage-worklist";

/**
 * What this person asked for last.
 * @param {string} person
 * @returns {Partial<Asked>}
 */
export function kept(person) {
  try {
    const { of = "", asked = {} } = JSON.parse(sessionStorage.getItem(PLACE) ?? "{}");
    if (of === person) return asked;
  } catch {
    // what was kept cannot be read
  }
  sessionStorage.removeItem(PLACE);
  return {};
}

/** @param {string} person @param {Asked} asked */
export function keep(person, asked) {
  sessionStorage.setItem(PLACE, JSON.stringify({ of: person, asked }));
}
