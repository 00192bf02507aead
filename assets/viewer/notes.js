// @ts-check
/** What is said about the layers of a slice, beside the picture. */

/** @typedef {import("./types.js").Layer} Layer */
/** @typedef {import("./types.js").Settings} Settings */

/**
 * @param {import("./pane.js").Pane} pane
 * @param {Layer | null} layer
 * @param {Settings} settings
 * @returns {string[]} Lines, the last one lowest.
 */
export function notes(pane, layer, settings) {
  const { layers } = pane.source;
  const lines = pane.head.note ? [pane.head.note] : [];
  if (layers.error) lines.push(layers.error);
  else if (!layer && layers.busy && (settings.heat || settings.outline)) lines.push("Computing heat map and outline …");
  if (!layer || !settings.heat) return lines;
  const { explained, answer, method } = layer;
  const part = pane.cut ? "" : ` ${percent(explained.p)}`;
  const isAnswer = pane.cut || explained.finding === answer.finding;
  if (isEmpty(layer, settings)) lines.push(`No heat map: the answer for ${pane.cut ? "the study" : "this slice"} is ${explained.label}${part}`);
  else lines.push(`Heat map: what speaks for ${explained.label}${part} · ${method.split(",")[0]}`);
  if (!isAnswer) lines.push(`Not the answer, which is ${answer.label} ${percent(answer.p)}`);
  return lines;
}

/**
 * What speaks for there being nothing lies everywhere: it is shown only if it is asked for.
 *
 * @param {Layer} layer
 * @param {Settings} settings
 */
export function isEmpty({ explained }, settings) {
  return explained.finding === "notumor" && !settings.finding;
}

/** @param {number} p */
function percent(p) {
  return `${(100 * p).toFixed(1)} %`;
}
