// @ts-check
/** The keys of the form; those of the picture are in the viewer. */

/**
 * @param {any} form
 * @param {KeyboardEvent} event
 */
export function onKey(form, event) {
  const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
  const field = target.matches?.("input:not([type=radio]), textarea, select, [contenteditable]");
  if (event.key === "Escape") {
    form.question.withdraw();
    if (field && form.parts.root.contains(target)) {
      target.blur();
      document.getElementById("viewer")?.focus();
    }
    return;
  }
  const rests = document.documentElement.matches("[data-adrift], [data-returning]"); // events-focus.js, events-connection.js
  if (event.defaultPrevented || event.isComposing || rests) return;
  const place = /^Digit([1-6])$/.exec(event.code)?.[1];
  // A class can be chosen while the comment is written.
  const here = !field || form.parts.root.contains(target);
  /** @type {() => unknown} */
  let act;
  if (event.altKey && !event.ctrlKey && place && here) {
    act = () => form.signing || form.enter({ finding: form.data.choices[Number(place) - 1][0] });
  } else if (field || event.altKey || event.ctrlKey || event.metaKey || event.repeat) {
    return;
  } else if (event.key === "Enter" && !target.matches?.("button, a, summary, [role=button], [role=tab]")) {
    act = () => form.sign(event);
  } else if (event.key === "n") {
    act = () => form.next();
  } else if (event.key === "u") {
    act = () => form.undo();
  } else {
    return;
  }
  event.preventDefault();
  // On the whole screen the form is out of sight: its keys bring it back, and nothing is chosen or signed unseen.
  if (document.fullscreenElement) void document.exitFullscreen();
  else act();
}
