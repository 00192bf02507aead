"""The house: imports go one way, and streamlit and tensorflow stay in their rooms."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from triage.settings import ROOT

#: Each room may import those to its left, and itself.
FLOORS = [
    ["domain", "errors", "settings", "phantoms", "phantom_studies"],
    ["scans", "networks"],
    ["inference"],
    ["worklist", "reading"],
    ["records"],
    ["learning", "reports"],
    ["pipeline"],
    ["batch"],
    ["training"],
    ["web"],
    ["ui", "cli", "__main__"],
]
HEAVY = {"tensorflow", "keras", "tf_keras_vis"}
HEAVY_ROOMS = {"networks", "training"}


def modules() -> list[Path]:
    return sorted((ROOT / "triage").rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT / "triage").parts[0].removesuffix(".py")


def imports(path: Path, *, lazy: bool) -> set[str]:
    """Full names of what a module imports; with `lazy`, also inside functions, never under TYPE_CHECKING."""
    tree = ast.parse(path.read_text())
    nodes = list(ast.walk(tree)) if lazy else tree.body
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    floor_of = {name: number for number, names in enumerate(FLOORS) for name in names}
    if room(path) == "__init__":
        return
    mine = floor_of[room(path)]
    for name in imports(path, lazy=True):
        parts = name.split(".")
        if parts[0] == "triage" and len(parts) > 1:
            assert floor_of[parts[1]] <= mine, f"{path.name} imports {name}"
        if parts[0] == "streamlit":
            assert room(path) == "ui", f"{path.name} imports streamlit"
        if parts[0] == "sqlalchemy":
            assert room(path) == "records", f"{path.name} imports sqlalchemy"
        if parts[0] == "dbos":
            assert room(path) == "pipeline", f"{path.name} imports dbos"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_tensorflow_is_loaded_only_where_it_is_needed(path: Path) -> None:
    if room(path) not in HEAVY_ROOMS:
        assert not {name.split(".")[0] for name in imports(path, lazy=False)} & HEAVY


def test_pages_are_thin() -> None:
    for page in (ROOT / "pages").rglob("*.py"):
        assert len(page.read_text().splitlines()) <= 160, page.name


def test_nothing_lies_directly_under_pages() -> None:
    """A script there could be opened past the navigation."""
    assert not list((ROOT / "pages").glob("*.py"))


def test_the_serving_parts_start_without_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from triage.pipeline import Installation\n"
        "from triage.settings import Settings\n"
        "from triage.ui import charts, decision, maps, tables, viewer\n"
        "Installation(Settings()).runtime\n"
        "heavy = {'tensorflow', 'keras', 'torch', 'jax', 'nilearn', 'sklearn', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = os.environ | {"TRIAGE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT)
