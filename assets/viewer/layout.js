// @ts-check
/** Panes on the screen: one, two side by side, or three planes; and how one follows another. */
import { BORDER, crosshair } from "./corners.js";
import { Pane } from "./pane.js";
import { along, finer } from "./volume.js";

/** @typedef {import("./pane.js").Source} Source */
/** @typedef {"one" | "two" | "planes"} Arrangement */

/** The three planes, the first one large. */
const PLANES = ["axial", "coronal", "sagittal"];

export class Layout {
  /**
   * @param {HTMLElement} host
   * @param {(pane: Pane) => void} onPane Called for each new pane.
   * @param {() => void} onMove Called when any pane shows another slice.
   * @param {(pane: Pane) => {at: number, x: number, y: number} | null} found Says where the crosshair of a pane begins.
   */
  constructor(host, onPane, onMove, found) {
    this.host = host;
    this.found = found;
    this.onPane = onPane;
    this.onMove = onMove;
    /** @type {Pane[]} */
    this.panes = [];
    this.active = 0;
    /** @type {Arrangement} */
    this.kind = "one";
    /** Place of the crosshair: slice, row and column of the volume. */
    this.voxel = [0, 0, 0];
    this.following = false;
    /** Whether the crosshair of three planes is where it belongs: at what was found, or where the reader set it. */
    this.settled = false;
  }

  close() {
    for (const pane of this.panes) pane.close();
    this.panes = [];
    this.host.replaceChildren();
  }

  /** The pane that keys act on. */
  get pane() {
    return this.panes[this.active] ?? this.panes[0];
  }

  /**
   * Arrange the panes; the first one stays as it is.
   *
   * @param {Arrangement} kind
   * @param {Source} source
   * @param {[number, number]} first Series and slice of a new first pane.
   */
  arrange(kind, source, first) {
    const wanted = kind === "planes" ? 3 : kind === "two" ? 2 : 1;
    this.kind = kind;
    this.host.dataset.layout = kind;
    this.following = true; // nothing follows before all panes are there
    while (this.panes.length > wanted) {
      const pane = /** @type {Pane} */ (this.panes.pop());
      pane.viewport.host.remove();
      pane.close();
    }
    while (this.panes.length < wanted) this.add(source, first);
    this.active = 0;
    // Beside each other pictures are small: there a letter would hide anatomy.
    for (const { viewport } of this.panes) viewport.border = wanted > 1 ? BORDER : 0;
    const [main] = this.panes;
    if (kind === "planes") {
      this.voxel = this.begun(main);
      const others = PLANES.filter((plane) => plane !== (main.plane ?? main.head.plane));
      this.panes.slice(1).forEach((pane, number) => {
        pane.open(main.source, main.series, others[number], 0);
        pane.goTo(this.placeOf(pane));
      });
    }
    this.following = false;
    this.mark();
  }

  /** Something has come from the server: maybe what the crosshair begins at, unless the reader has moved it since. */
  settle() {
    if (this.kind !== "planes" || this.settled) return;
    const voxel = this.begun(this.panes[0]);
    if (!this.settled) return;
    this.voxel = voxel;
    this.following = true;
    for (const pane of this.panes.slice(1)) pane.goTo(this.placeOf(pane));
    this.following = false;
    for (const pane of this.panes) pane.viewport.requestDraw();
  }

  /** @param {Source} source @param {[number, number]} first */
  add(source, [series, at]) {
    const place = document.createElement("div");
    place.className = "nt-pane";
    this.host.append(place);
    const pane = new Pane(place, source, series, () => this.moved(pane));
    this.panes.push(pane);
    this.onPane(pane);
    pane.open(source, series, null, at);
  }

  /**
   * Show another series in a pane. The others stay where they are; beside another pane, it lies where that is.
   *
   * @param {Pane} pane
   * @param {Source} source
   * @param {number} series
   * @param {string | null} plane
   * @param {number} at
   */
  open(pane, source, series, plane, at) {
    this.following = true;
    pane.open(source, series, plane, at);
    if (this.kind === "two") follow(pane, this.panes[this.panes[0] === pane ? 1 : 0]);
    this.following = false;
  }

  /**
   * Show another description of what is shown.
   *
   * @param {(pane: Pane) => [Source, number, string | null, number] | null} place Source, series, plane and slice; null: the pane stays as it is.
   */
  renew(place) {
    const [main] = this.panes;
    const before = main.head.slices.length;
    this.following = true;
    for (const pane of this.panes) {
      const found = place(pane);
      if (found) pane.open(...found);
    }
    this.following = false;
    if (this.kind !== "planes") return;
    if (this.withoutPlanes) this.arrange("one", main.source, [main.series, main.at]);
    else if (main.head.slices.length !== before) this.arrange("planes", main.source, [main.series, main.at]);
  }

  /** @param {Pane} pane */
  activate(pane) {
    this.active = Math.max(this.panes.indexOf(pane), 0);
    this.mark();
    this.onMove();
  }

  mark() {
    for (const [number, pane] of this.panes.entries()) {
      pane.viewport.host.classList.toggle("nt-active", this.panes.length > 1 && number === this.active);
    }
  }

  /** Why the series on the screen has no other planes; empty if it has. */
  get withoutPlanes() {
    return this.panes[0]?.head.without_planes ?? "";
  }

  /** @param {Pane} pane A pane that shows another slice: the others follow. */
  moved(pane) {
    if (!this.following) {
      this.following = true;
      this.settled = true;
      if (this.kind === "planes") this.voxel = this.crossed(pane);
      else for (const other of this.panes) if (other !== pane) follow(other, pane);
      this.following = false;
    }
    for (const other of this.panes) if (other !== pane) other.viewport.requestDraw();
    this.onMove();
  }

  /** @param {Pane} pane @returns {number[]} Where the crosshair begins: on the slice that is shown, at what was found. */
  begun(pane) {
    const acquired = pane.head.planes?.[pane.head.plane ?? ""];
    const place = this.found(pane);
    this.settled = place !== null;
    this.voxel = pane.voxel();
    if (acquired && place) {
      this.put(acquired, place);
      this.voxel[acquired.across[0]] = along(acquired.across, acquired.count, place.at);
    }
    return this.crossed(pane);
  }

  /** @param {Pane} pane @returns {number[]} The crosshair, moved to the slice of a pane. */
  crossed(pane) {
    const voxel = [...this.voxel];
    const across = geometry(pane)?.across ?? [0, false];
    voxel[across[0]] = along(across, pane.count, pane.at);
    return voxel;
  }

  /** @param {Pane} pane @returns {number} The slice of a pane that holds the crosshair. */
  placeOf(pane) {
    const across = geometry(pane)?.across ?? [0, false];
    return along(across, pane.count, this.voxel[across[0]]);
  }

  /**
   * Move the crosshair to a point of a pane.
   *
   * @param {Pane} pane
   * @param {{x: number, y: number}} point
   */
  cross(pane, { x, y }) {
    const cut = geometry(pane);
    if (this.kind !== "planes" || !cut) return;
    if (!this.put(cut, { x, y })) return;
    this.settled = true;
    this.following = true;
    for (const other of this.panes) other.goTo(this.placeOf(other));
    this.following = false;
    for (const other of this.panes) other.viewport.requestDraw();
    this.onMove();
  }

  /**
   * @param {import("./types.js").Cut} cut
   * @param {{x: number, y: number}} point Of a picture in that plane.
   * @returns {boolean} Whether the crosshair is there now: no point beside the picture has a voxel.
   */
  put(cut, { x, y }) {
    const [column, row] = [Math.floor(x / finer(cut).along), Math.floor(y / finer(cut).down)];
    if (column < 0 || row < 0 || column >= cut.columns || row >= cut.rows) return false;
    this.voxel[cut.along[0]] = along(cut.along, cut.columns, column);
    this.voxel[cut.down[0]] = along(cut.down, cut.rows, row);
    return true;
  }

  /** @param {CanvasRenderingContext2D} context @param {Pane} pane */
  paint(context, pane) {
    const cut = geometry(pane);
    if (this.kind !== "planes" || !cut) return;
    const [x, y] = [
      (along(cut.along, cut.columns, this.voxel[cut.along[0]]) + 0.5) * finer(cut).along,
      (along(cut.down, cut.rows, this.voxel[cut.down[0]]) + 0.5) * finer(cut).down,
    ];
    crosshair(context, pane.viewport, { x, y });
  }
}

/** @param {Pane} pane @returns {import("./types.js").Cut | null} How the plane of a pane lies in its volume. */
function geometry(pane) {
  const plane = pane.plane ?? pane.head.plane;
  return (plane && pane.head.planes?.[plane]) || null;
}

/**
 * Show the slice of a pane that lies where another pane is.
 *
 * @param {Pane} pane
 * @param {Pane} leader
 */
function follow(pane, leader) {
  if (pane.cut || leader.cut || pane.head.plane !== leader.head.plane) return;
  const here = leader.head.slices.map((one) => one.height);
  const there = pane.head.slices.map((one) => one.height);
  const known = [...here, ...there].every((height) => height !== null);
  if (!known) {
    pane.goTo(Math.round((leader.at / Math.max(leader.count - 1, 1)) * (pane.count - 1)));
    return;
  }
  // Another examination lies elsewhere in the scanner: the middle of one is laid on that of the other.
  const same = pane.head.frame !== "" && pane.head.frame === leader.head.frame;
  const shift = same ? 0 : middle(there) - middle(here);
  const wanted = /** @type {number} */ (here[leader.at]) + shift;
  const distances = there.map((height) => Math.abs(/** @type {number} */ (height) - wanted));
  pane.goTo(distances.indexOf(Math.min(...distances)));
}

/** @param {Array<number | null>} heights */
function middle(heights) {
  return (Number(heights[0]) + Number(heights.at(-1))) / 2;
}
