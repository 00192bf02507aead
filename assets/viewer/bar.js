// @ts-check
/** Small parts of the page around the picture: buttons, choices, thumbnails. */
import { t } from "../t.js";
import { icon } from "./icons.js";

/** Pixels from one part of the bar to the next. */
const GAP = 2;

/**
 * @param {string} label
 * @param {string} help
 * @param {() => void} act
 * @param {string} [picture] Its icon, which stands for the label in the bar.
 * @returns {HTMLButtonElement}
 */
export function button(label, help, act, picture) {
  const made = document.createElement("button");
  made.type = "button";
  if (picture) made.append(icon(picture), Object.assign(document.createElement("span"), { textContent: label }));
  else made.textContent = label;
  made.title = help;
  made.onclick = act;
  return made;
}

/**
 * @param {string} help
 * @param {Array<[string, string, string?]>} options Value, label, and group.
 * @param {string} chosen
 * @param {(value: string) => void} act
 * @returns {HTMLSelectElement}
 */
export function choice(help, options, chosen, act) {
  const made = document.createElement("select");
  made.title = help;
  made.setAttribute("aria-label", help);
  /** @type {Map<string, HTMLElement>} */
  const groups = new Map([["", made]]);
  for (const [value, label, group = ""] of options) {
    let place = groups.get(group);
    if (!place) {
      const optgroup = document.createElement("optgroup");
      optgroup.label = group;
      groups.set(group, (place = made.appendChild(optgroup)));
    }
    place.append(new Option(label, value, value === chosen, value === chosen));
  }
  made.onchange = () => {
    act(made.value);
    made.blur(); // keys act on the picture again
  };
  return made;
}

/**
 * Something that unfolds below its name, and stays unfolded while what is in it is used.
 *
 * @param {{unfolded: string}} state
 * @param {string} name
 * @param {HTMLElement[]} parts
 * @returns {HTMLElement}
 */
export function unfolding(state, name, parts) {
  const made = document.createElement("details");
  made.name = "nt-unfolding"; // of all with one name, one is open
  made.dataset.name = name;
  const summary = made.appendChild(document.createElement("summary"));
  summary.textContent = name;
  const list = made.appendChild(document.createElement("div"));
  list.append(...parts);
  tellTool(made);
  made.open = state.unfolded === name;
  made.ontoggle = () => {
    if (!made.isConnected) return;
    if (made.open !== (state.unfolded === name)) state.unfolded = made.open ? name : "";
    list.style.left = "0"; // within the viewer: what stands beside it is drawn over it
    const beyond = list.getBoundingClientRect().right - (made.parentElement?.closest("#viewer")?.getBoundingClientRect().right ?? Infinity);
    if (beyond > 0) list.style.left = `${-beyond}px`;
  };
  return made;
}

/**
 * Say on what unfolds which tool in it is chosen: what the left button does is read without unfolding anything.
 *
 * @param {HTMLElement} unfolds
 * @returns {boolean} Whether one is.
 */
function tellTool(unfolds) {
  const tool = unfolds.querySelector('.nt-tool[aria-pressed="true"]');
  if (!tool) return false;
  const summary = /** @type {HTMLElement} */ (unfolds.firstElementChild);
  summary.replaceChildren(...[...tool.childNodes].map((one) => one.cloneNode(true)));
  summary.title = t("{tool} is chosen. Esc ends it.", { tool: tool.textContent });
  return true;
}

/** @param {string} text @param {HTMLElement} control */
export function labelled(text, control) {
  const made = document.createElement("label");
  made.append(text, control);
  return made;
}

/**
 * Keep a bar on one row: the last parts that have no room unfold from another one.
 *
 * @param {HTMLElement} bar
 * @param {HTMLElement[]} parts Those that may leave it, the one wanted most first.
 * @param {HTMLElement} more What they unfold from; hidden while all have room.
 */
export function onOneRow(bar, parts, more) {
  more.hidden = true;
  const end = /** @type {HTMLElement} */ (bar.lastElementChild?.lastElementChild);
  const beyond = () => end.getBoundingClientRect().right - bar.getBoundingClientRect().right;
  if (beyond() <= 0) return;
  more.hidden = false;
  let first = parts.length;
  do {
    const folded = first;
    let missing = beyond();
    while (missing > 0 && first > 0) missing -= parts[--first].offsetWidth + GAP;
    more.lastElementChild?.prepend(...parts.slice(first, folded).map(inMore));
  } while (tellTool(more) && beyond() > 0 && first > 0); // the name of a tool takes room too
}

/** @param {HTMLElement} part @returns {HTMLElement} The same with its name, and with nothing folded in it. */
function inMore(part) {
  if (part instanceof HTMLSelectElement) return labelled(part.title, part);
  if (!(part instanceof HTMLDetailsElement)) return part;
  const name = part.dataset.name ?? ""; // its summary may name a tool
  const made = document.createElement("section");
  made.ariaLabel = name;
  made.append(Object.assign(document.createElement("b"), { textContent: name }), .../** @type {HTMLElement} */ (part.lastElementChild).children);
  part.remove();
  return made;
}

/**
 * Show the series as small pictures; a click opens one.
 *
 * @param {HTMLElement} place
 * @param {import("./types.js").StudyHead} study
 * @param {() => number} chosen Index of the series on the screen.
 * @param {(series: number) => void} act
 */
export function thumbnails(place, study, chosen, act) {
  const known = `${study.address} ${study.series.length}`; // some come later
  if (place.dataset.study !== known) {
    place.dataset.study = known;
    place.replaceChildren(...study.series.map((series, at) => thumbnail(study, series, () => act(at))));
    place.hidden = study.series.length < 2 && !study.aside; // what comes later has its place already
  }
  for (const [at, made] of [...place.children].entries()) made.setAttribute("aria-pressed", String(at === chosen()));
}

/**
 * @param {import("./types.js").StudyHead} study
 * @param {import("./types.js").SeriesHead} series
 * @param {() => void} act
 */
function thumbnail(study, series, act) {
  const middle = study.first?.[0] === series.number ? study.first[1] : series.slices.length >> 1;
  const [{ length: count }, named] = [series.slices, { series: series.label }];
  const help = count === 1 ? t("{series}: 1 slice", named) : t("{series}: {count} slices", { ...named, count });
  const made = button("", series.note ? `${help}\n${series.note}` : help, act);
  const picture = new Image();
  picture.loading = "lazy";
  picture.alt = series.label;
  picture.src = `${study.address}/thumbnails/${series.number}/${middle}`;
  const label = document.createElement("span");
  label.textContent = series.label;
  made.append(picture, label);
  if (series.aside) {
    made.classList.add("nt-aside");
    made.append(Object.assign(document.createElement("span"), { textContent: t("not scored") }));
  }
  return made;
}
