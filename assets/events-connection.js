// @ts-check
// A lost connection, in plain words: Streamlit would tell the reader how to start a server.

import { noted } from "./events-notes.js";
import { t } from "./t.js";

const LOOK = 50; // milliseconds between two looks at whether Streamlit says it in its way
const SHORT = 1500; // milliseconds that a connection may be lost without a word
const ASK = 2000; // milliseconds between two looks at whether the server is back and wants a sign-in
const DRAWN = 300; // milliseconds without drawing after which the page that is back can be pressed
const LONGEST = 60_000; // milliseconds that it is waited for
const DRAWING = ":is([data-test-script-state=running], [data-test-script-state=rerunRequested])";
const RETURNING = "data-returning"; // the keys of the form look for it
const CLOSE = "[role=dialog]:has([slot=title]) button[aria-label=Close]"; // we open no dialog of Streamlit ourselves

/** @type {HTMLElement | null} */
let note = null;
let since = 0;
let looking = 0;
let asking = 0;
let returning = 0;

/**
 * Begin to watch; called once for each page.
 *
 * A server that was started anew knows nothing of this page before it has drawn it once, and would not hear the first
 * press of a button: until then the page tells that it is coming back, and takes none.
 * @param {() => void} back called when the connection is there again; it has the page drawn
 */
export function watchConnection(back) {
  const app = document.querySelector("[data-test-connection-state]");
  if (!app) return; // another version of Streamlit: then it says so in its way
  const seen = () => {
    const lost = app.getAttribute("data-test-connection-state") !== "CONNECTED";
    if (lost && !looking) begin();
    if (lost) stay();
    if (!lost && looking && !returning) {
      comeBack();
      back();
    }
  };
  document.addEventListener("click", (event) => {
    if (!returning) return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
  new MutationObserver(seen).observe(app, { attributeFilter: ["data-test-connection-state"] });
}

function begin() {
  since = Date.now();
  looking = window.setInterval(() => {
    if (!note && Date.now() - since > SHORT) note = noted("lost", said());
    for (const one of document.querySelectorAll(CLOSE)) /** @type {HTMLElement} */ (one).click();
  }, LOOK);
  asking = window.setInterval(() => void leaveIfRefused(), ASK);
}

/** A server that is back may refuse this page for good: it has accounts by now, or the session has ended. */
async function leaveIfRefused() {
  const answer = await fetch("/session").catch(() => null);
  if (answer?.status !== 401 || !asking) return;
  clearInterval(asking);
  document.body.replaceChildren(); // what the page shows must not stay on the screen
  location.reload(); // the server leads to the sign-in, and from there back to this page
}

/** Wait until the page is drawn, and rests. */
function comeBack() {
  const began = Date.now();
  let [seen, last] = [false, began];
  document.documentElement.setAttribute(RETURNING, "");
  returning = window.setInterval(() => {
    if (document.querySelector(DRAWING)) [seen, last] = [true, Date.now()];
    const rests = Date.now() - last > (seen ? DRAWN : SHORT);
    if (rests || Date.now() - began > LONGEST) end();
  }, LOOK);
}

/** The connection is lost, maybe again. */
function stay() {
  clearInterval(returning);
  returning = 0;
  document.documentElement.removeAttribute(RETURNING);
}

function end() {
  stay();
  clearInterval(looking);
  clearInterval(asking);
  looking = asking = 0;
  note?.remove();
  note = null;
}

function said() {
  return t("The connection to the server was lost. Drafts are kept up to the last “Draft saved”. The page comes back by itself.");
}
