"""One tree of errors, documented as it is."""

from __future__ import annotations

import inspect

from triage import errors
from triage.errors import TriageError


def test_every_error_is_below_the_root_and_documented() -> None:
    found = [item for _, item in inspect.getmembers(errors, inspect.isclass)]
    assert TriageError in found
    for error in found:
        assert issubclass(error, TriageError)
        assert f"{error.__name__} " in f"{errors.__doc__} ".replace("\n", " ")
        assert error.__doc__
