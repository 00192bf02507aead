// @ts-check
/** The elements of the form, and the panels above it. Text of persons becomes text, never HTML. */

const CONFIDENCE = ["low", "medium", "high"];

/**
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {any}
 */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/**
 * @param {string} iso
 * @returns {string} the time in the reader's own zone
 */
export function clock(iso) {
  return new Date(iso).toLocaleTimeString();
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
  const sure = CONFIDENCE.map((value) => radio("confidence", value, value));
  const typed = (/** @type {string} */ name) => (/** @type {any} */ event) => form.enter({ [name]: event.target.value });
  const lesion = element("input", { type: "text", placeholder: "Which lesion?", maxLength: 200, oninput: typed("lesion") });
  lesion.setAttribute("aria-label", "Other lesion");
  const reason = element("select", { onchange: typed("reason") }, element("option", { value: "" }, "Choose a reason"));
  for (const value of form.data.reasons) reason.append(element("option", { value }, value[0].toUpperCase() + value.slice(1)));
  const comment = element("textarea", { placeholder: "Comment", oninput: typed("comment") });
  comment.setAttribute("aria-label", "Comment");
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
    claim: panel("panel claim"),
    news: panel("panel news"),
    other: panel("panel other", "alert"),
    title: element("h3"),
    blind: element("div"),
    choices: choices.map((/** @type {any[]} */ [input]) => input),
    confidence: sure.map(([input]) => input),
    lesion,
    reason,
    reasonRow: element("label", {}, "Why the AI result is overridden", reason),
    comment,
    sign: element("button", { type: "button", className: "primary", onclick: () => void form.sign() }),
    refusal: element("div", { className: "refusal" }),
    state: element("div", { className: "state" }),
    held: panel("panel held", "group"),
    fields: /** @type {any} */ (null),
  };
  parts.refusal.setAttribute("role", "alert");
  parts.state.setAttribute("role", "status");
  const clear = element("button", { type: "button", title: "Take the choice back", onclick: () => form.enter({ confidence: "" }) }, "–");
  clear.setAttribute("aria-label", "No confidence");
  parts.fields = element(
    "fieldset",
    { style: "border:0;margin:0;padding:0;display:grid;gap:0.5rem;min-width:0" },
    group("choices", "Finding", ...choices.map((/** @type {any[]} */ [, label]) => label)),
    lesion,
    group("confidence", "Confidence", element("span", {}, "Confidence"), ...sure.map(([, label]) => label), clear),
    parts.reasonRow,
    comment,
  );
  const next = element("button", { type: "button", title: "Key n", onclick: () => void form.next() }, "Next study");
  root.replaceChildren(
    parts.held, parts.claim, parts.other, parts.news,
    element("div", { className: "top" }, parts.title, parts.state),
    parts.blind, parts.fields, parts.refusal,
    element("div", { className: "buttons" }, parts.sign, next),
  );
  return parts;
}

/**
 * @param {any} entries
 * @param {[string, string][]} choices
 */
function spoken({ finding, lesion, reason, comment }, choices) {
  const said = choices.find(([value]) => value === finding)?.[1] ?? "Nothing chosen";
  return [finding === "other lesion" && lesion ? `${said}: ${lesion}` : said, reason, comment].filter(Boolean).join("\n");
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
    element("div", {}, element("b", {}, "Your draft"), element("p", { textContent: mine })));
}

/** @param {any} form */
export function drawOther({ parts, draft, data }) {
  parts.other.hidden = !draft.other;
  if (!draft.other) return;
  parts.other.replaceChildren(
    element("b", {}, "This draft was changed in another window. Which one is to stay?"),
    sides(spoken(draft.entries, data.choices), "The other window", spoken(draft.other, data.choices)),
    element("div", { className: "buttons" },
      element("button", { type: "button", onclick: () => draft.choose(true) }, "Take the other"),
      element("button", { type: "button", onclick: () => draft.choose(false) }, "Keep mine")));
}

/** @param {any} form */
export function drawNews(form) {
  const { parts, draft, data, snapshot } = form;
  parts.news.hidden = !snapshot.news.length;
  parts.news.replaceChildren(
    ...snapshot.news.flatMap((/** @type {import("./draft.js").News} */ item) => {
      const head = element("b", { textContent: `${item.reader} signed this study at ${clock(item.signed_at)}` });
      if (!item.said) return [head, element("p", {}, "Yours is the second reading: theirs is shown once you have signed.")];
      const theirs = [item.said, item.why, item.comment].filter(Boolean).join("\n");
      return [head, sides(spoken(draft.entries, data.choices), item.reader, theirs)];
    }),
    element("button", { type: "button", onclick: () => form.act("seen") }, "Seen, go on with my draft"));
}

/** @param {any} form */
export function drawClaim(form) {
  const { parts, snapshot: { claim }, data } = form;
  const held = claim && !claim.mine;
  const shown = held ? `${claim.reader} ${claim.since}` : "";
  parts.claim.hidden = !held;
  if (parts.claim.dataset.shown === shown) return; // a note that is being typed stays
  parts.claim.dataset.shown = shown;
  if (!held) return;
  const note = element("input", { type: "text", placeholder: "Why you take it over", maxLength: 200 });
  note.setAttribute("aria-label", "Why you take it over");
  parts.claim.replaceChildren(
    element("b", { textContent: `${claim.reader} has this study open since ${clock(claim.since)}.` }),
    note,
    element("button", { type: "button", disabled: !data.reader, onclick: () => form.act("take over", { note: note.value }) }, "Take over"));
}

/** @param {any} form */
export function drawHeld(form) {
  const { parts, snapshot } = form;
  const last = snapshot.held.at(-1);
  parts.held.hidden = !last;
  if (!last) return;
  const left = Math.max(Math.ceil((Date.parse(last.due_at) - Date.now()) / 1000), 0);
  const text = `Signed: ${last.said}, ${last.name}. Final in ${left} s`;
  if (!parts.undo) {
    parts.undo = element("button", { type: "button", onclick: () => void form.undo() }, "Undo (u)");
    parts.heldText = element("span");
    parts.held.append(parts.heldText, parts.undo);
  }
  parts.heldText.textContent = text;
}
