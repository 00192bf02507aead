// @ts-check
/** The panels of the form: what others did meanwhile, and what can be taken back. Text of persons becomes text, never HTML. */
import { t } from "../t.js";
import { now } from "./now.js";
import { clock, element } from "./parts.js";

/**
 * @param {any} entries
 * @param {{choices: [string, string][], reasons: [string, string][]}} data
 */
function spoken({ finding, lesion, reason, comment }, { choices, reasons }) {
  const said = choices.find(([value]) => value === finding)?.[1] ?? t("Nothing chosen");
  return [finding === "other lesion" && lesion ? `${said}: ${lesion}` : said, reasons.find(([value]) => value === reason)?.[1], comment].filter(Boolean).join("\n");
}

/**
 * Two versions side by side.
 * @param {string} mine
 * @param {string} name
 * @param {string} theirs
 */
function sides(mine, name, theirs) {
  return element("div", { className: "sides" },
    element("div", {}, element("b", {}, name), element("p", { textContent: theirs })),
    element("div", {}, element("b", {}, t("Your draft")), element("p", { textContent: mine })));
}

/**
 * Whether a part shows this already. What is drawn anew under the pointer takes no click, so only changes are drawn.
 * @param {HTMLElement} part
 * @param {unknown} content
 */
function stands(part, content) {
  const shown = JSON.stringify(content);
  const same = part.dataset.shown === shown;
  part.dataset.shown = shown;
  return same;
}

/** @param {any} form */
export function drawOther({ parts, draft, data }) {
  parts.other.hidden = !draft.other;
  if (!draft.other || stands(parts.other, [draft.entries, draft.other])) return;
  parts.other.replaceChildren(
    element("b", {}, t("This draft was changed in another window. Which one is to stay?")),
    sides(spoken(draft.entries, data), t("The other window"), spoken(draft.other, data)),
    element("div", { className: "buttons" },
      element("button", { type: "button", onclick: () => draft.choose(true) }, t("Take the other")),
      element("button", { type: "button", onclick: () => draft.choose(false) }, t("Keep mine"))));
}

/** @param {any} form */
export function drawNews(form) {
  const { parts, draft, data, snapshot } = form;
  parts.news.hidden = !snapshot.news.length;
  if (stands(parts.news, [snapshot.news, snapshot.readings, draft.entries])) return;
  const told = element("div", { className: "told", tabIndex: 0 });
  told.setAttribute("role", "group");
  told.setAttribute("aria-label", t("Signed meanwhile"));
  told.append(
    ...snapshot.news.flatMap((/** @type {import("./draft.js").News} */ item) => {
      const head = element("b", { textContent: t("{reader} signed this study at {time}", { reader: item.reader, time: clock(item.signed_at) }) });
      if (!item.said) return [head, element("p", {}, t("Yours is the second reading: theirs is shown once you have signed."))];
      const theirs = [item.said, item.why, item.comment].filter(Boolean).join("\n");
      return [head, sides(spoken(draft.entries, data), item.reader, theirs)];
    }));
  parts.news.replaceChildren(
    told,
    element("button", { type: "button", onclick: () => void form.see() }, t("Seen, go on with my draft")));
}

/** @param {any} form */
export function drawClaim(form) {
  const { parts, elsewhere, data } = form;
  parts.claim.hidden = !elsewhere;
  if (stands(parts.claim, elsewhere && [elsewhere.reader, elsewhere.since, elsewhere.note]) || !elsewhere) return; // a note that is being typed stays
  const note = element("input", { type: "text", placeholder: t("Why you take it over"), maxLength: 200, required: true });
  note.setAttribute("aria-label", t("Why you take it over"));
  const missing = element("div", { className: "refusal", id: "note-missing" });
  missing.setAttribute("role", "alert");
  note.setAttribute("aria-describedby", missing.id);
  const tell = (/** @type {string} */ said) => {
    missing.textContent = said;
    note.setAttribute("aria-invalid", String(Boolean(said)));
  };
  note.oninput = () => tell("");
  const takeOver = () => {
    if (note.value.trim()) return void form.takeOver(note.value);
    tell(t("Enter why you take it over."));
    note.focus();
  };
  note.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && !event.repeat && !event.isComposing && data.reader) takeOver();
  };
  parts.claim.replaceChildren(
    element("b", { textContent: t("{reader} has this study open since {time}.", { reader: elsewhere.reader, time: clock(elsewhere.since) }) }),
    ...(elsewhere.note ? [element("p", { textContent: t("Taken over: {note}", { note: elsewhere.note }) })] : []),
    note,
    missing,
    element("button", { type: "button", disabled: !data.reader, onclick: takeOver }, t("Take over")));
}

/**
 * Signatures on other studies that were not stored after all: told wherever the reader is by now, until they have seen it.
 * @param {any} form
 */
export function drawRefused(form) {
  const { parts, acts } = form;
  const [first] = form.snapshot.refused;
  const seen = async () => {
    await acts.tell("PUT", `${first.study}/seen`, () => ({ readings: 0 }));
    void form.look();
  };
  parts.refused.hidden = !first;
  if (!first || stands(parts.refused, first)) return;
  parts.refused.replaceChildren(
    element("b", { textContent: t("Not signed after all: {study}", { study: first.name }) }),
    element("p", { textContent: first.reason }),
    element("div", { className: "buttons" },
      element("button", { type: "button", onclick: () => void acts.act("open", { study: first.study }) }, t("Open it")),
      element("button", { type: "button", onclick: () => void seen() }, t("Seen"))));
}

/** @param {any} form */
export function drawHeld(form) {
  const { parts, snapshot } = form;
  const last = snapshot.held.at(-1);
  parts.held.hidden = !last;
  if (!last) return;
  const left = Math.max(Math.ceil((Date.parse(last.due_at) - now()) / 1000), 0);
  const named = { finding: last.said, study: last.name };
  const text = left ? t("Signed: {finding}, {study}. Final in {seconds} s", { ...named, seconds: left }) : t("Signed: {finding}, {study}. It is being filed …", named);
  if (!parts.undo) {
    parts.undo = element("button", { type: "button", onclick: () => void form.undo() }, t("Undo (u)"));
    parts.heldText = element("span");
    parts.held.append(parts.heldText, parts.undo);
  }
  parts.heldText.textContent = text;
  parts.undo.hidden = !left;
}
