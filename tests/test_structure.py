"""The layout of the project: imports go one way, dependencies are declared, every module is tested."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import triage
from triage.settings import ROOT

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: What each part of the project may import: the runtime set, and the extras named here.
EXTRAS = {
    "app.py": (),
    "pages": (),
    "triage": (),
    "triage/training": ("train",),
    "triage/networks/vit_weights.py": ("train",),
    "triage/training/elsewhere": ("train", "dev"),  # JAX: only another machine trains with it
    "bench": ("train", "dev"),
    "tests": ("train", "dev"),
}
#: Alembic loads these scripts by path; `tests/records/test_database.py` runs them.
MIGRATIONS = ROOT / "triage" / "records" / "migrations"


def python_files(part: str) -> list[Path]:
    path = ROOT / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> Iterator[str]:
    """Top-level names of all modules that a file imports, in functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT_IMPORTS, "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True)


def test_imports_keep_the_contracts() -> None:
    outcome = lint_imports(ROOT)
    assert outcome.returncode == 0, outcome.stdout


def test_every_contract_finds_a_forbidden_import(tmp_path: Path) -> None:
    broken = {
        "triage/inference/study.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import triage.reading",
        "triage/worklist.py": "def later():\n    import triage.reading",
        "triage/networks/cnn.py": "import triage.scans",
        "triage/scans/formats/dicom.py": "import triage.scans.isolation.door",
        "triage/training/data/splits.py": "import triage.training.fit.loop",
        "triage/reports/sr.py": "import streamlit",
        "triage/web/qido.py": "import sqlalchemy",
        "triage/records/store.py": "import dbos",
        "triage/batch.py": "import triage.records.store",
        "triage/inference/runtime.py": "import keras",
    }
    shutil.copytree(ROOT / "triage", tmp_path / "triage", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module, statement in broken.items():
        with (tmp_path / module).open("a") as file:
            file.write(f"\n\n{statement}\n")
    outcome = lint_imports(tmp_path)
    assert outcome.returncode == 1
    assert " 0 kept" in outcome.stdout, outcome.stdout
    for module in broken:
        assert module.removesuffix(".py").replace("/", ".") + " ->" in outcome.stdout, module


def test_a_new_room_needs_a_place_in_the_contracts(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "triage", tmp_path / "triage", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "triage" / "unplaced.py").write_text('"""In no layer."""\n')
    outcome = lint_imports(tmp_path)
    assert outcome.returncode == 1
    assert "triage.unplaced" in outcome.stdout, outcome.stdout


@pytest.mark.parametrize("part", EXTRAS)
def test_every_import_is_declared(part: str) -> None:
    declared = list(PROJECT["dependencies"])
    for extra in EXTRAS[part]:
        declared += PROJECT["optional-dependencies"][extra]
    distributions = {normalised(re.split(r"[\s\[<>=~!;]", line)[0]) for line in declared}
    narrower = [ROOT / other for other in EXTRAS if other.startswith(part + "/")]
    files = [path for path in python_files(part) if not any(path.is_relative_to(other) for other in narrower)]
    ours = {"triage", "bench"} | {path.stem for path in (ROOT / "tests").iterdir()}
    owners = packages_distributions()
    undeclared = {
        f"{name_of(path)} imports {module}"
        for path in files
        for module in imported(path)
        if module not in sys.stdlib_module_names | ours
        and not distributions & {normalised(owner) for owner in owners.get(module, ())}
    }
    assert not undeclared


def normalised(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_every_module_is_tested_at_its_mirrored_place_or_says_where() -> None:
    """If this fails: add the mirrored test, or write "Tested in tests/..." in the module's docstring."""
    missing = []
    for path in python_files("triage"):
        if path.is_relative_to(MIGRATIONS) or (path.name == "__init__.py" and not has_code(path)):
            continue
        mirrored = ROOT / "tests" / path.relative_to(ROOT / "triage").with_name(f"test_{path.name}")
        if not mirrored.exists() and not says_where_it_is_tested(path):
            missing.append(name_of(path))
    assert missing == []


def has_code(path: Path) -> bool:
    """Whether a package's `__init__.py` does more than say what the package is and pass names on."""
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.parse(path.read_text()).body)


def says_where_it_is_tested(path: Path) -> bool:
    """Whether the module's docstring says "Tested in tests/...", and all that it names exists."""
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    _, _, places = docstring.partition("ested in")
    named = re.findall(r"tests/[\w/]+(?:\.py)?", places)
    return bool(named) and all((ROOT / name).exists() for name in named)


def test_the_code_knows_its_version() -> None:
    assert triage.__version__ == PROJECT["version"]


def test_pages_are_thin() -> None:
    for page in python_files("pages"):
        assert len(page.read_text().splitlines()) <= 160, page.name


def test_no_page_lies_directly_under_pages() -> None:
    """Streamlit would open a script there without the checks of the navigation."""
    assert not list((ROOT / "pages").glob("*.py"))


def test_serving_starts_without_tensorflow(tmp_path: Path) -> None:
    """Import all that serves and open the model: import-linter does not know when an import inside a function runs."""
    elsewhere = ("networks", "training", "records/migrations", "__main__.py", "ui/main.py")  # the last two are scripts
    serving = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in python_files("triage")
        if not str(path.relative_to(ROOT / "triage")).startswith(elsewhere)
    ]
    code = (
        "import importlib, sys\n"
        f"for module in {serving}:\n"
        "    importlib.import_module(module)\n"
        "from triage.pipeline.installation import Installation\n"
        "from triage.settings import Settings\n"
        "Installation(Settings()).runtime\n"
        "heavy = {'tensorflow', 'keras', 'torch', 'jax', 'nilearn', 'sklearn', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = os.environ | {"TRIAGE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT)
