// @ts-check
/**
 * The question that is asked before anything is signed. Only what is pressed after it could be read is an answer: the
 * second half of a double click is none.
 */

const READ = 600; // milliseconds that the question is on the screen before it can be answered
const OPEN = 6000; // milliseconds for the answer

export class Question {
  /**
   * @param {() => void} changed called when the button is to be drawn anew
   * @param {() => void} unanswered called when the time for an answer is over
   */
  constructor(changed, unanswered) {
    this.changed = changed;
    this.unanswered = unanswered;
    /** @type {number | null} when it was asked, as events count time */
    this.asked = null;
    /** @type {ReturnType<typeof setTimeout>[]} */
    this.timers = [];
  }

  get open() {
    return this.asked !== null;
  }

  /**
   * Whether what a reader did answers it.
   * @param {number} at when, as events count time: not when a slow page came to it
   */
  answeredBy(at) {
    return this.asked !== null && at - this.asked >= READ;
  }

  ask() {
    this.drop();
    this.asked = performance.now();
    this.timers = [setTimeout(this.changed, READ + 20), setTimeout(() => this.fallBack(), OPEN)];
    this.changed();
  }

  fallBack() {
    this.drop();
    this.unanswered();
  }

  withdraw() {
    this.drop();
    this.changed();
  }

  drop() {
    this.timers.forEach(clearTimeout);
    this.asked = null;
  }
}
