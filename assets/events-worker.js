// @ts-check
// One stream of news for all pages of a browser: a browser opens only six connections to one server.

/** @type {Set<MessagePort>} */
const ports = new Set();
/** @type {EventSource | null} */
let source = null;

/** @param {MessageEvent} event */
function connect(event) {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = ({ data }) => {
    if (data === "bye") ports.delete(port);
    if (ports.size === 0) {
      source?.close();
      source = null;
    }
  };
  source ??= listen();
}

/** @returns {EventSource} */
function listen() {
  const stream = new EventSource("/events");
  stream.onmessage = ({ data }) => ports.forEach((port) => port.postMessage(data));
  return stream;
}

self.addEventListener("connect", /** @type {EventListener} */ (/** @type {unknown} */ (connect)));
