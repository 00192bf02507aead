// @ts-check
// While the pointer rests and the page changes below it, as when a study opens, nothing there explains itself: a button
// that came under the pointer was not pointed at. The style of the pages hides tooltips meanwhile.

const AWAY = 500; // milliseconds in which the tooltip below a pointer that leaves is taken away

/** Begin to watch; called once for each page. */
export function watchPointer() {
  let place = "";
  /** @param {PointerEvent} event */
  const where = ({ screenX, screenY }) => `${screenX} ${screenY}`;
  /** @type {number | undefined} */
  let leaving;
  /** @param {boolean} is */
  const rests = (is) => {
    if (!is) return (leaving ??= window.setTimeout(() => document.documentElement.removeAttribute("data-resting"), AWAY));
    clearTimeout(leaving);
    leaving = undefined;
    return document.documentElement.toggleAttribute("data-resting", true);
  };
  document.addEventListener("pointerover", (event) => rests(where(event) === place), { capture: true });
  document.addEventListener("pointermove", (event) => {
    if (where(event) !== place) rests(false);
    place = where(event);
  }, { capture: true });
}
