// The form of the review page as Streamlit loads it; the parts of it are modules that the server sends.
const form = import(`${location.origin}/reading/modules/form.js`);

/** @param {any} component What Streamlit passes; `form.js` has its type. */
export default function (component) {
  const state = (component.parentElement.readingForm ??= {});
  state.latest = component;
  form.then(({ mount }) => {
    if (state.latest === component) state.stop = mount(component);
  });
  return () => {
    state.latest = null;
    state.stop?.();
  };
}
