"""Where a candidate comes from: its parent, the data set that it was retrained on, recipe and seed.

Tested in tests/training/retrain/test_retrain.py.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from triage.inference.card import Card
from triage.training.fit.recipe import Recipe
from triage.training.retrain.site import Site

#: Keys of `Card.training` that only a retrained model has.
PARENT, DATA_SET, RECIPE, SEED, ANCESTORS = "parent", "data_set", "recipe", "seed", "ancestors"


def ancestry(parent: Card, site: Site, recipe: Recipe) -> dict[str, Any]:
    """Return what the card of a candidate says of its origin, under keys of `Card.training`.

    Returns
    -------
    dict
        ``parent``: ``name``, ``digest`` (`Card.digest`) and ``network`` (`Card.sha256`). ``data_set``: ``digest``,
        ``studies``, ``slices``, ``by_class`` (studies) and ``by_part`` (studies and slices). ``recipe`` and ``seed``.
        ``ancestors``: every model since the released one as ``parent`` is, the oldest first.
    """
    said = {"name": parent.name, "digest": parent.digest, "network": parent.sha256}
    studies = {one.study: one for one in site.slices}
    by_part = {
        part: {"studies": len({one.study for one in slices}), "slices": len(slices)}
        for part, slices in site.parts.items()
    }
    return {
        PARENT: said,
        DATA_SET: {
            "digest": site.digest,
            "studies": len(studies),
            "slices": len(site.slices),
            "by_class": dict(sorted(Counter(one.item.label for one in studies.values()).items())),
            "by_part": by_part,
        },
        RECIPE: recipe.model_dump(),
        SEED: recipe.seed,
        ANCESTORS: [*parent.training.get(ANCESTORS, []), said],
    }
