// @ts-check
/** Marks of the other readers of a study, as they signed them: shown, never changed. The server keeps what is hidden. */
import { drawTheirs } from "./tools/draw.js";

/** @typedef {{reader: string, content: import("./tools/types.js").Content}} Signed */

export class Theirs {
  shown = true;
  /** @type {Signed[]} */
  readings = [];

  /** @param {string} study @param {() => void} onChange Called when other marks may be seen. */
  constructor(study, onChange) {
    this.address = `/viewer/studies/${encodeURIComponent(study)}/marks/signed`;
    this.onChange = onChange;
  }

  /** Ask again what this reader may see: others sign meanwhile, and so does this reader. */
  async load() {
    const answer = await fetch(this.address, { cache: "no-store" }).catch(() => null);
    if (!answer?.ok) return; // the picture can be read without them
    const { readings } = await answer.json();
    if (JSON.stringify(readings) === JSON.stringify(this.readings)) return;
    this.readings = readings;
    this.onChange();
  }

  /** @param {CanvasRenderingContext2D} context @param {import("./viewport.js").Viewport} viewport @param {import("./tools/label.js").Labels} labels */
  draw(context, viewport, labels) {
    const marker = viewport.image?.marker;
    if (!marker || !this.shown) return;
    let line = 0;
    for (const { reader, content } of this.readings) {
      if (drawTheirs(context, /** @type {any} */ (viewport), content, reader, marker, labels, line)) line += 1;
    }
  }
}
