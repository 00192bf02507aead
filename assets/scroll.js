// Scroll through slices: the wheel over the picture, and the arrow and page keys anywhere but in a field.
// With Ctrl held the wheel zooms, as the picture itself does it.
const PAGE = 10;

export default function ({ data, setTriggerValue }) {
  const host = document.querySelector(data.host);
  if (!host) return;
  // One step at a time is asked of the server; what is scrolled meanwhile is asked when it has answered.
  const state = (host.scrollState ??= { wanted: data.at });
  clearTimeout(state.overdue);
  const answered = state.asked === data.at;
  if (!answered || !state.moving) state.wanted = data.at;
  state.asked = null;

  const ask = () => {
    if (state.asked !== null || state.wanted === data.at) return;
    state.asked = state.wanted;
    setTriggerValue("slice", state.wanted);
    state.overdue = setTimeout(() => { state.asked = null; }, 2000);
  };
  const move = (steps) => {
    state.wanted = Math.min(Math.max(state.wanted + steps, 0), data.count - 1);
    state.moving = true;
    clearTimeout(state.resting);
    state.resting = setTimeout(() => { state.moving = false; }, 400);
    ask();
  };
  const onWheel = (event) => {
    if (event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    move(Math.sign(event.deltaY));
  };
  const onKey = (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1, PageUp: -PAGE, PageDown: PAGE }[event.key];
    const at = event.target;
    if (!step || at.closest?.("input, textarea, [role=slider], [role=combobox], [role=listbox], canvas")) return;
    event.preventDefault();
    move(step);
  };
  host.scrollStop?.();
  host.addEventListener("wheel", onWheel, { capture: true, passive: false });
  document.addEventListener("keydown", onKey);
  host.scrollStop = () => {
    host.removeEventListener("wheel", onWheel, { capture: true });
    document.removeEventListener("keydown", onKey);
  };
  ask();
  return () => host.scrollStop();
}
