"""The modules of the viewer, which the browser keeps for good: their address holds a digest of all of them.

Tested in tests/web/test_slices.py.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from triage.settings import ROOT

#: Path below which they are served, and their folder.
ADDRESS = "/viewer/modules"
MODULES = ROOT / "assets" / "viewer"
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}


@lru_cache
def addresses(first: str) -> tuple[str, ...]:
    """Return the addresses of all modules, so that they are fetched at once and not as one finds the other.

    They are those of the first call. Modules that changed on the disk since are served too, but no browser keeps them.

    Parameters
    ----------
    first
        The module that is called.
    """
    names = sorted(path.relative_to(MODULES).as_posix() for path in MODULES.rglob("*.js"))
    return tuple(f"{ADDRESS}/{digest()}/{name}" for name in sorted(names, key=lambda name: name != first))


def digest() -> str:
    """Return the digest of all modules as they are on the disk now."""
    return _digest(tuple((path, path.stat().st_mtime_ns) for path in sorted(MODULES.rglob("*.js"))))


@lru_cache(1)
def _digest(files: tuple[tuple[Path, int], ...]) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path, _ in files)).hexdigest()[:32]
