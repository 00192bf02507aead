// @ts-check
// While the pointer rests and the page changes below it, as when a study opens, nothing there explains itself: a button
// that came under the pointer was not pointed at. The style of the pages hides tooltips meanwhile.

/** Begin to watch; called once for each page. */
export function watchPointer() {
  let place = "";
  /** @param {PointerEvent} event */
  const where = ({ screenX, screenY }) => `${screenX} ${screenY}`;
  /** @param {boolean} is */
  const rests = (is) => document.documentElement.toggleAttribute("data-resting", is);
  document.addEventListener("pointerover", (event) => rests(where(event) === place), { capture: true });
  document.addEventListener("pointermove", (event) => {
    if (where(event) !== place) rests(false);
    place = where(event);
  }, { capture: true });
}
