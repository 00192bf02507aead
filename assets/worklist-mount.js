// @ts-check
// The component on the page: its script comes from the server as a module, so that it can consist of several files.

/** @param {any} component as Streamlit passes it */
export default function (component) {
  const host = component.parentElement;
  host.component = component; // the newest one: its triggers are those that count
  const address = new URL(component.data.module, window.location.origin).href;
  host.mounted ??= import(address).then((module) => module.mount(host));
  return () => void host.mounted.then((/** @type {() => void} */ stop) => stop());
}
