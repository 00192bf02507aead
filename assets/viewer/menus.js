// @ts-check
/** What unfolds over the picture, and the sheet of keys: Esc closes them, and so does a press anywhere else. */
import { describe } from "./keys.js";

/** @typedef {import("./main.js").App} App */

/** @param {App} app */
export function menus(app) {
  const sheet = app.part("help");
  sheet.onbeforetoggle = () => describe(sheet, app.keys);
  // Who closed it by a press into a field wants to type there.
  const back = () => elsewhere(app) || app.host.focus({ preventScroll: true });
  sheet.ontoggle = () => sheet.matches(":popover-open") || back();
  const pressed = (/** @type {Event} */ event) => {
    for (const one of app.part("bar").querySelectorAll("details")) {
      if (!one.open || event.composedPath().includes(one)) continue;
      one.open = false; // the buttons stay as they are: one may be meant
      setTimeout(back); // after the press has moved the focus
    }
  };
  document.addEventListener("pointerdown", pressed, { capture: true, signal: app.stop.signal });
}

/** @param {App} app @returns {boolean} Whether something beside the viewer has the focus, not the page around it. */
function elsewhere({ host }) {
  const { activeElement } = document;
  return activeElement !== null && !activeElement.contains(host) && !host.contains(activeElement);
}
