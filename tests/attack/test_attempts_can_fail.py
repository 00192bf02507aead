"""An attempt that cannot fail is worse than none: against a server without its guards, each of these does.

For what is tried of the record, `test_record.test_untouched` shows that nothing is found where nothing was done.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attack import (
    test_guessing,
    test_headers,
    test_other_sites,
    test_peers,
    test_roles,
    test_sessions,
    test_stranger,
    test_text,
)
from attack.world import World, filled, serving
from helpers import free_port

#: What `weakened.py` does not take away: parts of Streamlit, of the web server, of the decoders and of the record.
OTHERS = {
    test_stranger: {"absolute_target", "detours", "health"},
    test_sessions: {"secret_of_another_sign_in"},
    test_other_sites: {"forged_upload", "permission_to_read_across", "trusted_origins", "two_hosts"},
    test_roles: {"signature_of_another", "first_reading"},
    test_peers: {
        "wrong_token",
        "token_elsewhere",
        "session_of_a_person",
        "other_methods",
        "query_syntax",
        "odd_query",
        "hostile_names",
        "hostile_uids",
        "bodies",
        "packed_body",
        "study_of_another",
        "taking_over_a_study",
        "paths_of_retrieval",
        "time_of_a_wrong_token",
        "thousand_tokens",  # takes long
    },
    test_headers: {"errors", "cookie_of_streamlit"},
    test_guessing: {
        "keeping_the_owner_out",
        "names_by_time",
        "names_kept",
        "syntax_in_names",
        "endless_password",
        "from_many_addresses",  # takes long
    },
    test_text: {"sign_in_page", "browser"},
}
#: Names of arguments that this file can provide.
GIVEN = {"world", "blind", "stranger", "everything"}


def cases() -> Iterator[Any]:
    for module, kept in OTHERS.items():
        for name, attempt in vars(module).items():
            if not name.startswith("test_") or name.removeprefix("test_") in kept:
                continue
            marks = [mark.args for mark in getattr(attempt, "pytestmark", ()) if mark.name == "parametrize"]
            values = [dict(zip(_names(names), _values(names, some[0]), strict=True)) for names, some in marks]
            if set(inspect.signature(attempt).parameters) <= GIVEN | {key for one in values for key in one}:
                yield pytest.param(
                    attempt, {key: one[key] for one in values for key in one}, id=f"{module.__name__}.{name}"
                )


def _names(names: Any) -> list[str]:
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)


def _values(names: Any, value: Any) -> tuple[Any, ...]:
    return tuple(value) if len(_names(names)) > 1 else (value,)


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home, port = tmp_path_factory.mktemp("weakened") / "home", free_port()
    studies, uid, tokens = filled(home)
    with serving(home, "tests/attack/weakened.py", str(port), port=port, TRIAGE_BLIND_FIRST_READ="true") as base:
        yield World(base, home, studies, uid, tokens)


@pytest.mark.parametrize(("attempt", "values"), list(cases()))
def test_it_fails_without_the_guards(weak: World, attempt: Callable[..., None], values: dict[str, Any]) -> None:
    given: dict[str, Callable[[], Any]] = {
        "world": lambda: weak,
        "blind": lambda: weak,
        "stranger": weak.visitor,
        "everything": lambda: list(test_headers.answers(weak)),
    }
    asked = inspect.signature(attempt).parameters
    with pytest.raises((AssertionError, pytest.fail.Exception, LookupError, OSError)):
        attempt(**values, **{name: make() for name, make in given.items() if name in asked})
