// @ts-check
// Notes in the lower left corner of what the page shows: there they cover no button.

const STYLE = `
  :host { position: fixed; bottom: .6rem; z-index: 1000000; display: flex; flex-direction: column; gap: .4rem;
    align-items: start; max-width: min(36rem, calc(100vw - 2rem)); }
  .note { display: flex; align-items: center; gap: .75rem; padding: .45rem .9rem; border-radius: 6px; font: 14px sans-serif;
    color: #0c1219; background: #ff8f8f; box-shadow: 0 4px 16px rgb(0 0 0 / 45%); }
  .note.lost { background: #ffd479; }
  a { color: inherit; font-weight: 700; }
  button { border: 0; background: none; color: inherit; font: 18px sans-serif; cursor: pointer; padding: 0 .25rem; }
`;

/** @type {ShadowRoot | null} */
let notes = null;

/**
 * @param {string} kind
 * @param {...(Node | string)} parts
 * @returns {HTMLElement} the note, which stands there until it is removed
 */
export function noted(kind, ...parts) {
  notes ??= place();
  const main = document.querySelector("[data-testid=stMain]")?.getBoundingClientRect().left ?? 0;
  /** @type {HTMLElement} */ (notes.host).style.left = `${main + 16}px`;
  const line = document.createElement("div");
  line.className = `note ${kind}`;
  line.append(...parts);
  notes.append(line);
  return line;
}

/** @param {string} kind @returns {HTMLElement[]} those of a kind, the oldest first */
export function standing(kind) {
  return [...(notes?.querySelectorAll(`.note.${kind}`) ?? [])].map((one) => /** @type {HTMLElement} */ (one));
}

function place() {
  const host = document.createElement("div");
  host.setAttribute("role", "status");
  host.setAttribute("aria-live", "polite");
  const root = host.attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = STYLE;
  root.append(style);
  // Of a page on which something has the whole screen, nothing else is seen.
  const stand = () => (document.fullscreenElement ?? document.body).append(host);
  document.addEventListener("fullscreenchange", stand);
  stand();
  return root;
}
