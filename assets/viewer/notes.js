// @ts-check
/** What is said about the layers of a slice, beside the picture. */

import { percent, t } from "../t.js";

/** @typedef {import("./types.js").Layer} Layer */
/** @typedef {import("./types.js").Settings} Settings */

/**
 * @param {import("./pane.js").Pane} pane
 * @param {Layer | null} layer
 * @param {Settings} settings
 * @returns {string[]} Lines, the last one lowest.
 */
export function notes(pane, layer, settings) {
  const { layers, head } = pane.source;
  const lines = pane.head.note ? [pane.head.note] : [];
  if (layers.error) lines.push(layers.error);
  else if (!layer && layers.busy && (settings.heat || settings.outline)) lines.push(t("Computing heat map and outline …"));
  if (!layer || !settings.heat) return lines;
  const { explained, answer, method } = layer;
  const part = pane.cut ? "" : ` ${percent(explained.p, 1)}`;
  // The layer may be in the memory of the browser from another language; the study is asked for each time.
  const [finding, found] = [`${head.findings[explained.finding]}${part}`, `${head.findings[answer.finding]} ${percent(answer.p, 1)}`];
  const isAnswer = pane.cut || explained.finding === answer.finding;
  if (isEmpty(layer, settings)) lines.push(pane.cut ? t("No heat map: the answer for the study is {finding}", { finding }) : t("No heat map: the answer for this slice is {finding}", { finding }));
  else lines.push(t("Heat map: what speaks for {finding} · {method}", { finding, method: method.split(",")[0] }));
  if (!isAnswer) lines.push(t("Not the answer, which is {finding}", { finding: found }));
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
