"""``MODEL_CARD.md``: the card as text, for whoever decides whether to use the model.

The text is a template beside this module: ``model_card.md.j2``, or for a retrained model ``retrained_card.md.j2``;
every number in it comes from the card. Tested in tests/training/release/test_targets.py.
"""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from triage.inference.card import CARD, MODEL_CARD, Card
from triage.text import markdown, one_line
from triage.training.evaluate.metrics import format_figure
from triage.training.fit.checkpoints import atomic_write
from triage.training.layouts import FINDINGS
from triage.training.release.targets import COLUMNS, targets_of

#: Names and paths without Markdown syntax: letters and digits, joined by single separators.
HARMLESS = re.compile(r"[A-Za-z0-9]+(?:[._/-][A-Za-z0-9]+)*")


def model_card(card: Card) -> str:
    """Return the card as Markdown."""
    # Autoescaping is for HTML; here the template passes foreign text through filters.
    environment = Environment(  # noqa: S701  # nosec B701
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"figure": format_figure, "name": _name, "one_line": one_line}
    volumes = card.metrics.get("volumes", [])
    name = "retrained_card.md.j2" if "parent" in card.training else "model_card.md.j2"
    return environment.get_template(name).render(
        card=card.model_copy(update={"metrics": {"new_sources": None, "volumes": [], "seen": None} | card.metrics}),
        test=card.metrics["test"],
        findings=[finding.value for finding in FINDINGS],
        target_columns=COLUMNS,
        targets=targets_of(card),
        correct_volumes=sum(row["finding"] == row["label"] for row in volumes),
    )


def write_cards(card: Card, folder: Path) -> None:
    """Write both forms of the card into a model folder."""
    for name, text in ((CARD, card.model_dump_json(indent=2) + "\n"), (MODEL_CARD, model_card(card))):
        with atomic_write(folder / name) as part:
            part.write_text(text)


def _name(text: str) -> str:
    # Backslashes before every dot would make the names of ordinary files hard to read.
    return text if HARMLESS.fullmatch(text) else markdown(text)
