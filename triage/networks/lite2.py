"""EfficientNet-Lite2: the graph of Lite0 with 1.1 times its channels and 1.2 times its blocks, made for 260 px.

Stem and head are not scaled, nor is the number of blocks of the first and the last stage (Tan & Le, ICML 2019, in the
Lite variant published with the TensorFlow TPU models).
"""

from __future__ import annotations

#: As `triage.networks.lite0.STAGES`.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 3),
    (5, 2, 6, 48, 3),
    (3, 2, 6, 88, 4),
    (5, 1, 6, 120, 4),
    (5, 2, 6, 208, 5),
    (3, 1, 6, 352, 1),
)
