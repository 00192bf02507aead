// @ts-nocheck
// Scroll through slices: the wheel over the picture, and the arrow and page keys anywhere but in a field.
// With Ctrl held the wheel zooms, as the picture itself does it.
const PAGE = 10;
const PATIENCE = 5000; // milliseconds after which an unanswered step is given up

export default function ({ data, setTriggerValue }) {
  const host = document.querySelector(data.host);
  if (!host) return;
  // One slice at a time is asked of the server; what is scrolled meanwhile is asked once it has answered.
  const state = (host.scrollState ??= { at: data.at, wanted: data.at, asked: null });
  if (data.at === state.asked) state.asked = null;
  else if (data.at !== state.at) Object.assign(state, { wanted: data.at, asked: null }); // moved by slider or strip
  state.at = data.at;

  const ask = () => {
    if (state.asked !== null || state.wanted === state.at) return;
    state.asked = state.wanted;
    setTriggerValue("slice", state.asked);
    clearTimeout(state.overdue);
    state.overdue = setTimeout(() => Object.assign(state, { wanted: state.at, asked: null }), PATIENCE);
  };
  const move = (steps) => {
    state.wanted = Math.min(Math.max(state.wanted + steps, 0), data.count - 1);
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
    const within = "input, textarea, canvas, [role=slider], [role=combobox], [role=listbox]";
    if (!step || event.target.closest?.(within)) return;
    event.preventDefault();
    move(step);
  };
  state.stop?.();
  host.addEventListener("wheel", onWheel, { capture: true, passive: false });
  document.addEventListener("keydown", onKey);
  state.stop = () => {
    host.removeEventListener("wheel", onWheel, { capture: true });
    document.removeEventListener("keydown", onKey);
  };
  ask();
  return () => state.stop();
}
