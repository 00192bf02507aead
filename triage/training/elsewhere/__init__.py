"""Training on a machine with a GPU and no network: pack what it needs, train there, unpack ordinary run folders.

`pack` and `unpack` run here. `train`, and all that it imports of ours, also runs there: it needs Keras, JAX, OpenCV,
SciPy and Pillow, and nothing else of this project's dependencies.
"""
