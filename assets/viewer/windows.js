// @ts-check
/**
 * The windows that the reader set by hand: they stay for study and series when the page is loaded again in this tab, and
 * are forgotten for the next person.
 *
 * @typedef {[number, number]} Window Centre and width.
 * @typedef {Record<string, Record<string, Window>>} Kept By study, and by number of the series.
 */

const PLACE = "neurotriage-windows";
/** Studies whose windows are kept: those that were looked at last. */
const STUDIES = 20;

/** The windows of one study. */
export class Windows {
  /** @param {() => string} person Who reads now. @param {string} study */
  constructor(person, study) {
    this.person = person;
    this.study = study;
    /** By number of the series. @type {Record<string, Window>} */
    this.own = kept(person())[study] ?? {};
  }

  /** @param {number} series @returns {Window | undefined} */
  get(series) {
    return this.own[series];
  }

  /** @param {number} series @param {Window} window */
  set(series, window) {
    this.own[series] = window;
    this.keep();
  }

  /** @param {number} series Its window is that of the file again. */
  delete(series) {
    delete this.own[series];
    this.keep();
  }

  keep() {
    const { [this.study]: _, ...others } = kept(this.person());
    const studies = Object.entries({ ...others, [this.study]: this.own }).slice(-STUDIES);
    sessionStorage.setItem(PLACE, JSON.stringify({ of: this.person(), studies: Object.fromEntries(studies) }));
  }
}

/** @param {string} person @returns {Kept} */
function kept(person) {
  const { of = "", studies = {} } = JSON.parse(sessionStorage.getItem(PLACE) ?? "{}");
  if (of === person) return studies;
  sessionStorage.removeItem(PLACE);
  return {};
}
