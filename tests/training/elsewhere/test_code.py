from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from triage.training.elsewhere.code import modules_for

FILES = {
    "ours/__init__.py": '"""A package."""',
    "ours/a.py": """
from __future__ import annotations
from typing import TYPE_CHECKING
import numpy as np
from ours.inner import b
if TYPE_CHECKING:
    from ours.types import T
else:
    import ours.other
def later():
    from ours.late import function
""",
    "ours/inner/__init__.py": "",
    "ours/inner/b.py": "from ours import a",
    "ours/late.py": "def function(): ...",
    "ours/other.py": "",
    "ours/types.py": "",
    "ours/unused.py": "",
}
#: Packages of the project that training elsewhere must not need.
HEAVY = ("tensorflow", "h5py", "pydantic", "nibabel", "matplotlib", "pydicom", "typer", "streamlit", "sklearn")


def test_imports_are_followed_but_not_those_of_types(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    needed = set(FILES) - {"ours/types.py", "ours/unused.py"}
    assert {path.as_posix() for path in modules_for("ours.a", tmp_path)} == needed


def test_the_code_of_a_pack_needs_no_heavy_package(packed: Path) -> None:
    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {HEAVY}: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "import triage.training.elsewhere.train as train\n"
        "print(train.__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=packed,
        env={"KERAS_BACKEND": "jax", "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(packed)
