// @ts-check
// A lost connection, in plain words: Streamlit would tell the reader how to start a server.

import { noted } from "./events-notes.js";
import { t } from "./t.js";

const LOOK = 50; // milliseconds between two looks at whether Streamlit says it in its way
const SHORT = 1500; // milliseconds that a connection may be lost without a word
const CLOSE = "[role=dialog]:has([slot=title]) button[aria-label=Close]"; // we open no dialog of Streamlit ourselves

/** @type {HTMLElement | null} */
let note = null;
let since = 0;
let looking = 0;

/** Begin to watch; called once for each page. */
export function watchConnection() {
  const app = document.querySelector("[data-test-connection-state]");
  if (!app) return; // another version of Streamlit: then it says so in its way
  const seen = () => {
    const lost = app.getAttribute("data-test-connection-state") !== "CONNECTED";
    if (lost && !looking) begin();
    if (!lost && looking) end();
  };
  new MutationObserver(seen).observe(app, { attributeFilter: ["data-test-connection-state"] });
}

function begin() {
  since = Date.now();
  looking = window.setInterval(() => {
    if (!note && Date.now() - since > SHORT) note = noted("lost", said());
    for (const one of document.querySelectorAll(CLOSE)) /** @type {HTMLElement} */ (one).click();
  }, LOOK);
}

function end() {
  clearInterval(looking);
  looking = 0;
  note?.remove();
  note = null;
}

function said() {
  return t("The connection to the server was lost. Drafts are kept up to the last “Draft saved”. The page comes back by itself.");
}
