// @ts-check
// The component on the page: its script comes from the server as a module, so that it can consist of several files.

/** @param {any} component as Streamlit passes it */
export default function (component) {
  const host = component.parentElement;
  host.component = component; // the newest one: its triggers are those that count
  const address = new URL(component.data.module, window.location.origin).href;
  if (component.data.loading && !host.mounted) host.append(loading(component.data.loading));
  host.mounted ??= import(address).then((module) => module.mount(host));
  return () => void host.mounted.then((/** @type {() => void} */ stop) => stop());
}

/** @param {string} text What stands there until there is something to see. */
function loading(text) {
  const note = document.createElement("p");
  note.className = "loading";
  note.role = "status";
  note.append(text, document.createElement("progress"));
  return note;
}
