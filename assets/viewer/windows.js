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
    this.begin();
  }

  /** Take what was kept for the person who reads now. */
  begin() {
    this.of = this.person();
    /** By number of the series. @type {Record<string, Window>} */
    this.own = kept(this.of)[this.study] ?? {};
  }

  /** @param {number} series @returns {Window | undefined} */
  get(series) {
    if (this.of !== this.person()) this.begin(); // the name was changed while the study is open
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

/**
 * What this tab kept; what is malformed of it is dropped.
 * @param {string} person
 * @returns {Kept}
 */
function kept(person) {
  try {
    const { of, studies } = JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
    if (of === person) return sound(studies);
  } catch {
    // nothing was kept, or nothing that can be read
  }
  sessionStorage.removeItem(PLACE);
  return {};
}

/** @param {Record<string, unknown>} studies @returns {Kept} */
function sound(studies) {
  const found = Object.entries(studies).map(([study, windows]) => {
    const own = Object.entries(windows ?? {}).filter(([, window]) => isWindow(window));
    return [study, Object.fromEntries(own)];
  });
  return Object.fromEntries(found);
}

/** @param {unknown} value @returns {boolean} */
function isWindow(value) {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[1] > 0;
}
