// @ts-check
/** Pictures of the tools. Their names stand beside them where there is room, and in their titles. */

/** Each a path on a square of 16. @type {Record<string, string>} */
const PATHS = {
  whole: "M1.5 5.5v-4h4 M10.5 1.5h4v4 M14.5 10.5v4h-4 M5.5 14.5h-4v-4",
  zoom: "M11 11 15 15 M12 7a5 5 0 1 1-10 0a5 5 0 1 1 10 0 M7 5v4 M5 7h4",
  length: "M2.5 13.5 13.5 2.5 M.5 11.5l4 4 M11.5 .5l4 4",
  angle: "M14.5 13.5H1.5L11 2.5 M8 13.5a6.5 6.5 0 0 0-2.3-4.9",
  ellipse: "M15 8a7 4.5 0 1 1-14 0a7 4.5 0 1 1 14 0",
  probe: "M8 1v5 M8 10v5 M1 8h5 M10 8h5",
  brush: "M14.5 1.5 7 9 M5 8.5a2.5 2.5 0 0 1 2.5 2.5c0 2-2 3.5-6 3.5c1.5-1 .8-2 1-3.5A2.5 2.5 0 0 1 5 8.5",
  eraser: "M9.5 2 14 6.5 7 13.5H4.5L2 11Z M6 5.5l4.5 4.5 M7 13.5h7.5",
  lasso: "M14.5 6.5c0 2.5-3 4-6.5 4s-6.5-1.5-6.5-4s3-4.5 6.5-4.5s6.5 2 6.5 4.5Z M4.5 9.5c-1.5.5-1.5 2.5 0 2.5s2 1.5.5 3",
  fill: "M7 2.5 12.5 8 7.5 13 2 7.5Z M7 2.5V7 M2.5 7.5H12 M14.5 10.5v3",
  key: "M8 1.5 10 6l4.8.4-3.7 3.2 1.2 4.8L8 11.8l-4.3 2.6 1.2-4.8L1.2 6.4 6 6Z",
  theirs: "M6 7a2.5 2.5 0 1 0 0-5a2.5 2.5 0 1 0 0 5 M1.5 14a4.5 4.5 0 0 1 9 0 M11 2.3a2.5 2.5 0 0 1 0 4.6 M12.5 9.8a4.5 4.5 0 0 1 2.5 4.2",
  undo: "M5.5 2 2 5.5 5.5 9 M2 5.5h7.5a4 4 0 0 1 0 8H6",
};

/** @param {string} name @returns {SVGElement} */
export function icon(name) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", "0 0 16 16");
  made.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(made.namespaceURI, "path");
  path.setAttribute("d", PATHS[name]);
  made.append(path);
  return made;
}
