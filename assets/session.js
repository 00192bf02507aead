// Who is signed in, the way to the account, and the sign-out; a session that has ended leads to the sign-in.

/** Milliseconds between two looks whether the session still lasts. */
const LOOK = 4000;
/** What tells that a person is there. */
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel"];
const STYLE = "display: block; font: 14px var(--st-font); color: var(--st-text-color); margin: 0 0 .25rem";
const BUTTON =
  "font: inherit; color: inherit; background: transparent; border: 1px solid var(--st-border-color); border-radius: 6px; padding: .15rem .6rem; cursor: pointer";

/**
 * @param {string} tag
 * @param {string} text
 * @param {string} style
 */
function made(tag, text, style) {
  const found = document.createElement(tag);
  found.textContent = text;
  found.style.cssText = style;
  return found;
}

/** Leave for the sign-in; what the page shows must not stay on the screen. */
function leave() {
  document.body.replaceChildren();
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** @param {StreamlitComponent<{name: string, roles: string, account: string, out: string}>} component */
export default function ({ data, parentElement }) {
  let there = true;
  const notice = () => { there = true; };
  for (const sign of SIGNS) document.addEventListener(sign, notice, { passive: true, capture: true });

  const look = async () => {
    const method = there ? "POST" : "GET";
    there = false;
    const answer = await fetch("/session", { method }).catch(() => null);
    if (answer?.status === 401) leave();
  };
  const looking = setInterval(() => void look(), LOOK);

  const account = /** @type {HTMLAnchorElement} */ (made("a", data.account, "color: var(--st-link-color)"));
  account.href = "/account";
  const out = made("button", data.out, BUTTON);
  out.addEventListener("click", async () => {
    const answer = await fetch("/sign-out", { method: "POST", headers: { Accept: "application/json" } });
    const { next } = answer.ok ? await answer.json() : { next: "/sign-in" };
    document.body.replaceChildren();
    location.assign(next);
  });
  const row = made("div", "", "display: flex; gap: .75rem; align-items: center; margin-top: .35rem");
  row.append(account, out);
  const box = made("div", "", STYLE);
  box.append(made("b", data.name, "display: block"), made("small", data.roles, "opacity: .8"), row);
  parentElement.replaceChildren(box);

  return () => {
    clearInterval(looking);
    for (const sign of SIGNS) document.removeEventListener(sign, notice, { capture: true });
  };
}
