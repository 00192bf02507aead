// @ts-check
// What is typed goes where the reader began to type. The page can lose the field under the hands of the reader: a window
// of Streamlit takes the focus, a part is drawn anew. Then the field gets it back, or the keys rest until the reader
// presses somewhere: nothing that was meant as text signs a reading or leaves the study.

const LOOK = 50; // milliseconds between two looks at where the focus is
const FIELDS = ".reading :is(textarea, input:not([type=radio])), .st-key-proof input"; // of the form: beside it keys act
const ADRIFT = "data-adrift"; // the keys of the viewer and of the form look for it

/** @type {HTMLElement | null} the field that the reader types in */
let field = null;

/** Begin to watch; called once for each page. */
export function watchFocus() {
  document.addEventListener("pointerdown", () => settle(null), { capture: true });
  window.addEventListener("keydown", ({ key }) => {
    const at = focused();
    // The name is entered: the next keys are meant for the picture, and not for the name.
    if (key === "Enter" && at instanceof HTMLInputElement && at.closest("[data-testid=stSidebar]")) setTimeout(() => at.blur());
    const ends = key === "Tab" || key === "Escape" || (key === "Enter" && at instanceof HTMLInputElement);
    if (ends) settle(null);
    else if (at?.matches(FIELDS)) settle(/** @type {HTMLElement} */ (at));
    else look();
  }, { capture: true });
  setInterval(look, LOOK);
}

/** @param {HTMLElement | null} chosen the field that the reader types in by choice */
function settle(chosen) {
  field = chosen;
  document.documentElement.removeAttribute(ADRIFT);
}

function look() {
  if (!field || focused() === field) return;
  if (field.isConnected && !field.matches(":disabled")) field.focus({ preventScroll: true });
  else document.documentElement.setAttribute(ADRIFT, "");
}

/** Where the focus is, also within a shadow tree. */
function focused() {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}
