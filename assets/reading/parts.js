// @ts-check
/** The elements of the form. Text of persons becomes text, never HTML. */

import { locale, t } from "../t.js";
import { now } from "./now.js";

const CONFIDENCE = [["low", t("low")], ["medium", t("medium")], ["high", t("high")]];

/**
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/**
 * @param {string} iso
 * @returns {string} the time in the reader's own zone, with the day if it is not today
 */
export function clock(iso) {
  const time = new Date(iso);
  const today = time.toDateString() === new Date(now()).toDateString();
  return today ? time.toLocaleTimeString(locale) : time.toLocaleString(locale, { dateStyle: "medium", timeStyle: "medium" });
}

/** A key that is held down presses a button again and again: only its first press counts. @param {KeyboardEvent} event */
function once(event) {
  if (event.repeat && event.key === "Enter") event.preventDefault();
}

/**
 * Build the form under a host.
 * @param {HTMLElement} host
 * @param {any} form
 */
export function build(host, form) {
  const root = /** @type {HTMLElement} */ (host.querySelector(".reading"));
  root.dataset.study = form.data.study;
  const radio = (/** @type {string} */ name, /** @type {string} */ value, /** @type {(Node | string)[]} */ ...label) => {
    const input = element("input", { type: "radio", name, value, onchange: () => form.enter({ [name]: value }) });
    return [input, element("label", {}, input, ...label)];
  };
  const choices = form.data.choices.map((/** @type {[string, string]} */ [value, label], /** @type {number} */ at) =>
    radio("finding", value, label, element("kbd", { textContent: `Alt+${at + 1}` })),
  );
  const sure = CONFIDENCE.map(([value, label]) => radio("confidence", value, label));
  const typed = (/** @type {string} */ name) => (/** @type {any} */ event) => form.enter({ [name]: event.target.value });
  const lesion = element("input", { type: "text", placeholder: t("Which lesion?"), maxLength: 200, oninput: typed("lesion") });
  lesion.setAttribute("aria-label", t("Other lesion"));
  const reason = element("select", { onchange: typed("reason") }, element("option", { value: "" }, t("Choose a reason")));
  for (const [value, label] of form.data.reasons) reason.append(element("option", { value }, label[0].toUpperCase() + label.slice(1)));
  const comment = element("textarea", { placeholder: t("Comment"), oninput: typed("comment") });
  comment.setAttribute("aria-label", t("Comment"));
  const panel = (/** @type {string} */ name, role = "status") => {
    const made = element("div", { className: name, hidden: true });
    made.setAttribute("role", role);
    return made;
  };
  const group = (/** @type {string} */ className, /** @type {string} */ label, /** @type {Node[]} */ ...children) => {
    const made = element("div", { className }, ...children);
    made.setAttribute("role", "radiogroup");
    made.setAttribute("aria-label", label);
    return made;
  };
  const parts = {
    root,
    refused: panel("panel refused", "alert"),
    claim: panel("panel claim"),
    news: panel("panel news"),
    other: panel("panel other", "alert"),
    title: element("h3"),
    blind: element("div"),
    choices: choices.map((/** @type {any[]} */ [input]) => input),
    confidence: sure.map(([input]) => input),
    lesion,
    reason,
    reasonRow: element("label", { className: "why" }, element("span", {}, t("Why the AI result is overridden")), reason),
    comment,
    sign: element("button", { type: "button", className: "primary", onclick: form.sign.bind(form), onkeydown: once }),
    refusal: element("div", { className: "refusal" }),
    state: element("div", { className: "state" }),
    next: element("button", { type: "button", onclick: () => void form.next() }, t("Next study")),
    above: element("button", { type: "button", className: "above", hidden: true, onclick: () => void form.acts.act("above") }),
    comes: element("span"),
    held: panel("panel held", "group"),
    fields: /** @type {any} */ (null),
  };
  parts.refusal.setAttribute("role", "alert");
  parts.state.setAttribute("role", "status");
  const clear = element("button", { type: "button", title: t("Take the choice back"), onclick: () => form.enter({ confidence: "" }) }, "–");
  clear.setAttribute("aria-label", t("No confidence"));
  parts.fields = element(
    "fieldset",
    {},
    group("choices", t("Finding"), ...choices.map((/** @type {any[]} */ [, label]) => label)),
    lesion,
    group("confidence", t("Confidence"), element("span", {}, t("Confidence")), ...sure.map(([, label]) => label), clear),
    parts.reasonRow,
    comment,
  );
  const buttons = element("div", { className: "buttons" }, parts.sign, parts.next);
  const onward = element("div", { className: "onward" }, parts.above, parts.comes);
  // What a signature says has a place of its own: nothing moves under the pointer when it comes or goes.
  const said = element("div", { className: "said" }, parts.held, parts.refusal);
  const foot = element("div", { className: "foot" }, said, buttons, onward);
  const texts = [lesion, comment];
  for (const field of texts) field.onfocus = () => above(field, foot);
  const grows = new ResizeObserver(() => texts.forEach((field) => field.matches(":focus") && above(field, foot)));
  for (const part of [parts.fields, foot]) grows.observe(part); // a question comes above the field, or a line below it
  root.replaceChildren(
    parts.refused, parts.claim, parts.other, parts.news,
    element("div", { className: "top" }, parts.title, parts.state),
    parts.blind, parts.fields, foot,
  );
  return parts;
}

/**
 * Move a field that is typed in above the buttons, which stay in sight and may cover it.
 * @param {HTMLElement} field
 * @param {HTMLElement} foot
 */
function above(field, foot) {
  field.style.scrollMarginBottom = `${foot.offsetHeight + parseFloat(getComputedStyle(foot).bottom) + 4}px`;
  field.scrollIntoView({ block: "nearest" });
}

/**
 * Tell what is missing for a signature, as the server would once it is asked, and the field that it belongs into.
 * @param {any} form
 * @returns {[string, HTMLElement | null]}
 */
export function lacking({ draft, data, overrides, parts }) {
  const { finding, lesion, reason, comment } = draft.entries;
  if (data.blind) return ["", null];
  if (finding === "other lesion" && !lesion.trim())
    return [t("Another lesion needs a name. Enter what it is in a few words."), parts.lesion];
  if (overrides && !reason) return [t("An override needs a reason code. Choose why the AI result is wrong."), parts.reason];
  if (overrides && reason === "other" && !comment.trim())
    return [t('The reason "other" needs a comment. Enter the reason in a few words.'), parts.comment];
  if (data.amends && !comment.trim())
    return [t("An amendment needs a comment. Enter what changed since the signed reading."), parts.comment];
  const proof = data.proof === "missing" && document.querySelector(".st-key-proof :is(input, a)");
  if (proof instanceof HTMLElement) return [t("Confirm above that it is you. Then sign."), proof];
  return ["", null];
}

/**
 * Hide picture and patient until both are those of one study: the page draws one after the other.
 * @param {boolean} is
 * @param {string} study that of the form; while the viewer still has another one, both stay hidden
 */
export function leaving(is, study) {
  const viewer = document.getElementById("viewer");
  if (is || !viewer?.dataset.study || viewer.dataset.study === study) viewer?.toggleAttribute("data-leaving", is);
}

/** Whether Streamlit is at work on the page, or was asked to be. */
export function drawing() {
  return document.querySelector(":is([data-test-script-state=running], [data-test-script-state=rerunRequested])") !== null;
}
