// @ts-check
/** From the moment at which a study is left until the first picture of the next one stands: what is seen meanwhile. */
import { t } from "../t.js";

/** Milliseconds between two looks at whether Streamlit has drawn the page around the picture. */
const LOOK = 200;

/** @param {HTMLElement} host Say that the picture of a study is on its way. @param {boolean} isNext Whether another one was here. */
export function begin(host, isNext) {
  said(host).textContent = isNext ? t("Loading the next study") : t("Loading the study");
  host.toggleAttribute("data-waiting", true);
  if (isNext) hideTheOther(host);
}

/** @param {HTMLElement} host The picture stands, or the viewer says why there is none. */
export function end(host) {
  if (!host.hasAttribute("data-waiting")) return;
  host.removeAttribute("data-waiting");
  said(host).textContent = t("Loading the next study"); // seen as soon as this one is left
}

/** @param {HTMLElement} host @returns {HTMLElement} */
function said(host) {
  return /** @type {HTMLElement} */ (host.querySelector(".nt-wait > span"));
}

/**
 * Hide what the page still says of the study that was here. Its form shows the page as soon as it has the new study; a
 * page without a form is shown once Streamlit has drawn it.
 *
 * @param {HTMLElement} host
 */
function hideTheOther(host) {
  host.toggleAttribute("data-leaving", true);
  const looking = setInterval(() => {
    if (host.isConnected && host.hasAttribute("data-leaving") && drawing()) return;
    clearInterval(looking);
    host.removeAttribute("data-leaving");
  }, LOOK);
}

/** Whether Streamlit is at work on the page, or was asked to be. */
function drawing() {
  return document.querySelector(":is([data-test-script-state=running], [data-test-script-state=rerunRequested])") !== null;
}
