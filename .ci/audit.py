"""Ask for known weaknesses of the pinned packages; `make audit` runs it.

pip-audit asks a service on the internet. Where that cannot be reached, or knows none of the packages, nothing was
checked: this says so and ends well, so that a build without network is no red one. A weakness that was found ends it
with status 1. One that does not concern us stands in `EXPLAINED` with the reason.

Tested in tests/test_audit.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: What was looked at and does not concern this product, by the ID of the weakness: the reason.
EXPLAINED: dict[str, str] = {}
COMMAND = ["-m", "pip_audit", "-r", "requirements.txt", "--require-hashes", "--disable-pip", "--format", "json"]
#: Seconds for all of it.
LONGEST = 300


def verdict(told: str) -> tuple[str, int]:
    """Return what to say of the answer of pip-audit, and the exit status.

    Parameters
    ----------
    told
        Its JSON, "" if it gave none.
    """
    try:
        packages = json.loads(told)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return "NOT CHECKED: the service of known weaknesses was not reached. Run `make audit` where it can be.", 0
    checked = [one for one in packages if "skip_reason" not in one]
    if not checked:
        return f"NOT CHECKED: the service knows none of the {len(packages)} packages; is it a mirror without them?", 0
    found = [
        f"{one['name']} {one['version']}: {weakness['id']}, mended in {' '.join(weakness['fix_versions']) or 'none'}"
        for one in checked
        for weakness in one["vulns"]
        if weakness["id"] not in EXPLAINED
    ]
    if found:
        return "\n".join([*found, "Move the pins (make lock), or explain it in .ci/audit.py."]), 1
    skipped = len(packages) - len(checked)
    return f"{len(checked)} packages without a known weakness" + (f"; {skipped} NOT CHECKED." if skipped else "."), 0


def main() -> int:
    """Ask, and print the verdict."""
    command = [sys.executable, *COMMAND, "--progress-spinner", "off", "--timeout", "10"]
    try:
        told = subprocess.run(  # noqa: S603 - our own words
            command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST, check=False
        ).stdout
    except subprocess.TimeoutExpired:
        told = ""
    said, status = verdict(told)
    print(said)
    return status


if __name__ == "__main__":
    sys.exit(main())
