"""Show an audit: tables for the terminal, and a contact sheet of the worst pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from rich.console import Group
from rich.table import Table

from triage.text import terminal
from triage.training.audit.findings import Audit, CopyPair
from triage.training.layouts import Dataset, Item, load_picture

#: Largest number of lines of a list in the terminal; the JSON has all of them.
MAX_LINES = 10
#: Side of a picture on the contact sheet: pixels.
TILE = 160
#: Height of the text below a pair: pixels.
TEXT = 44
PAIRS_PER_ROW = 3


def tables(audit: Audit) -> Group:
    """Return the audit as tables for a rich console."""
    notes = [terminal(note) for note in (*audit.shortcuts, *audit.dataset.warnings)]
    return Group(_summary(audit), _balance(audit), *notes, *_lists(audit))


def contact_sheet(audit: Audit, path: Path, most: int = 30) -> None:
    """Write the worst pairs as a PNG: contradicting labels, then copies across splits, then by similarity.

    Parameters
    ----------
    path
        The PNG to write.
    most
        Largest number of pairs; one of each cluster.
    """
    pairs = worst_pairs(audit)[:most]
    matches = [(found.item, found.match, found.similarity) for found in audit.against][: most - len(pairs)]
    rows = max(-(-(len(pairs) + len(matches)) // PAIRS_PER_ROW), 1)
    sheet = Image.new("RGB", (PAIRS_PER_ROW * (2 * TILE + 12), rows * (TILE + TEXT)), "#101418")
    here = audit.dataset
    for number, pair in enumerate(pairs):
        colour = "#ff8080" if pair.contradicts else "#ffd080" if pair.crosses else "#c0c8d0"
        _draw(sheet, number, (here, pair.first), (here, pair.second), pair.similarity, colour)
    for number, (item, match, similarity) in enumerate(matches, len(pairs)):
        assert audit.other is not None
        _draw(sheet, number, (here, item), (audit.other, match), similarity, "#80c0ff")
    sheet.save(path, "PNG")


def worst_pairs(audit: Audit) -> list[CopyPair]:
    """Return the worst pair of each cluster, the worst first."""
    ranked = sorted(audit.pairs, key=lambda pair: (not pair.contradicts, not pair.crosses, -pair.similarity))
    worst: dict[int, CopyPair] = {}
    for pair in ranked:
        worst.setdefault(audit.cluster_of[pair.first.name], pair)
    return list(worst.values())


def _summary(audit: Audit) -> Table:
    table = Table("", "", title=terminal(f"Audit of {audit.dataset.root} ({audit.dataset.layout})"), show_header=False)
    table.add_row("pictures", f"{len(audit.dataset.items):,}")
    table.add_row("different pictures", f"{audit.clusters:,}")
    table.add_row("pairs of copies", f"{len(audit.pairs):,}")
    table.add_row("copies across splits or folds", f"{len(audit.leaks):,}")
    table.add_row("copies with contradicting labels", f"{len(audit.conflicts):,}")
    table.add_row("patients in several splits or folds", f"{len(audit.split_patients):,}")
    table.add_row("suspects (probably not MRI)", f"{len(audit.suspects):,}")
    table.add_row("skipped", f"{len(audit.dataset.skipped):,}")
    if audit.other is not None:
        table.add_row(terminal(f"also in {audit.other.root}"), f"{len(audit.against):,}")
    return table


def _balance(audit: Audit) -> Table:
    labels = list(audit.dataset.counts)
    table = Table("source", *labels, title="Classes by source")
    for source, counts in audit.balance.items():
        table.add_row(terminal(source), *(f"{counts[label]:,}" for label in labels))
    return table


def _lists(audit: Audit) -> list[Table]:
    pairs = [
        [(pair.first.name, f"{pair.second.name}  ({pair.first.label} / {pair.second.label})") for pair in some]
        for some in (audit.conflicts, audit.leaks)
    ]
    patients = [(patient, ", ".join(parts)) for patient, parts in audit.split_patients.items()]
    suspects = [(entry.path, entry.reason) for entry in audit.suspects]
    skipped = [(entry.path, entry.reason) for entry in audit.dataset.skipped]
    titles = ("Contradicting labels", "Copies across splits", "Patients in several splits", "Suspects", "Skipped")
    lists = zip(titles, (*pairs, patients, suspects, skipped), strict=True)
    return [_list(title, rows) for title, rows in lists if rows]


def _list(title: str, rows: list[tuple[str, str]]) -> Table:
    table = Table("", "", title=title, show_header=False)
    for row in rows[:MAX_LINES]:
        table.add_row(*map(terminal, row))
    if len(rows) > MAX_LINES:
        table.add_row("...", f"and {len(rows) - MAX_LINES:,} more")
    return table


def _draw(
    sheet: Image.Image,
    number: int,
    first: tuple[Dataset, Item],
    second: tuple[Dataset, Item],
    similarity: float,
    colour: str,
) -> None:
    left, top = number % PAIRS_PER_ROW * (2 * TILE + 12), number // PAIRS_PER_ROW * (TILE + TEXT)
    draw = ImageDraw.Draw(sheet)
    for side, (dataset, item) in enumerate((first, second)):
        sheet.paste(_thumbnail(dataset, item), (left + side * TILE, top))
        draw.text((left + 2, top + TILE + 2 + side * 13), f"{item.label}  {_short(item.name)}", fill=colour)
    draw.text((left + 2, top + TILE + 28), f"correlation {similarity:.3f}", fill=colour)


def _thumbnail(dataset: Dataset, item: Item) -> Image.Image:
    pixels = np.asarray(load_picture(dataset.root, item), np.float32)
    low, high = np.percentile(pixels, [1, 99])
    gray = np.clip((pixels - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    image = Image.fromarray(gray)
    image.thumbnail((TILE, TILE))
    tile = Image.new("L", (TILE, TILE))
    tile.paste(image, ((TILE - image.width) // 2, (TILE - image.height) // 2))
    return tile


def _short(name: str) -> str:
    return name if len(name) <= 40 else "..." + name[-37:]
