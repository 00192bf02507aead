from __future__ import annotations

import numpy as np

from triage.training.fit.recipe import load_recipe
from triage.training.layouts import Item
from triage.training.retrain.site import SiteSlice
from triage.training.retrain.trust import doubt, trust_of

RECIPE = load_recipe("retrain").retrain
SLICES = [SiteSlice(Item("a.png", "readings", "glioma"), "a", readers) for readers in (2, 1, 1, 2)]
AGREES, ELSEWHERE = [0.95, 0.02, 0.02, 0.01], [0.01, 0.02, 0.02, 0.95]


def test_two_readers_who_agree_count_in_full_whatever_a_network_says() -> None:
    trust = trust_of(SLICES, np.array([AGREES, AGREES, ELSEWHERE, ELSEWHERE]), RECIPE)
    one = RECIPE.one_reader
    np.testing.assert_allclose(trust, [1, one, one * RECIPE.surprising, 1], rtol=1e-6)
    later = doubt(trust, SLICES, np.array([AGREES, AGREES, ELSEWHERE, ELSEWHERE]), RECIPE)
    np.testing.assert_allclose(later, [1, one, one * RECIPE.surprising * RECIPE.doubted, 1], rtol=1e-6)


def test_an_unsure_network_contradicts_nobody() -> None:
    unsure = np.tile([0.2, 0.1, 0.1, 0.6], (4, 1))
    np.testing.assert_allclose(trust_of(SLICES, unsure, RECIPE)[1:3], RECIPE.one_reader)
