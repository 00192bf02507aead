"""What answers tell and forbid browsers"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from attack.world import HTML, World, serving
from requests import Response

from triage.web.cookies import SESSION

#: Under which the second server is reached, through a proxy with TLS.
NAME = "triage.hospital.example"


def answers(world: World) -> Iterator[tuple[str, Response]]:
    """Every kind of answer: page, data, table, module, redirect, refusals, DICOMweb, what is not there."""
    ada, stranger = world.person("ada"), world.visitor()
    for path in ("/", "/worklist/rows", "/worklist/rows.csv", "/worklist/modules/worklist.js", "/account", "/session"):
        yield path, ada.get(path, headers=HTML)
    for path in (f"/viewer/studies/{world.studies[0]}/study.json", "/media/x.png", "/nothing-here", "/viewer/x"):
        yield path, ada.get(path)
    for path in (
        "/",
        "/worklist/rows",
        "/sign-in",
        "/sign-in/style.css",
        "/sign-in/none",
        "/health",
        "/_stcore/metrics",
    ):
        yield f"{path} without a session", stranger.get(path, headers=HTML)
    yield "another host", stranger.get("/", headers={"Host": "evil.example"})
    yield "another site", ada.post("/session", headers={"Origin": "https://evil.example"})
    yield "another method", ada.request("DELETE", "/session")
    yield "a broken form", stranger.post("/sign-in", json={})
    yield "a missing right", world.person("tim").get("/worklist/rows.csv")
    yield "DICOMweb", world.peer("pacs").get("/dicom-web/studies")
    yield "DICOMweb without a token", stranger.get("/dicom-web/studies")
    yield "DICOMweb, no such route", stranger.get("/dicom-web/x")


@pytest.fixture(scope="module")
def everything(world: World) -> list[tuple[str, Response]]:
    return list(answers(world))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ],
)
def test_fixed(everything: list[tuple[str, Response]], name: str, value: str) -> None:
    """a kind of answer that lacks nosniff, framing, referrer, opener or resource policy -> none does"""
    assert {kind for kind, answer in everything if answer.headers.get(name) != value} == set()


def test_policy(everything: list[tuple[str, Response]]) -> None:
    """a script, frame, form or picture from elsewhere in any answer -> forbidden by its policy (CSP)"""
    for kind, answer in everything:
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, kind
        assert "base-uri 'none'" in policy, kind
        assert "default-src 'none'" in policy or "default-src 'self'" in policy, kind
        assert "https:" not in policy, kind
        assert "*" not in policy, kind


def test_inline_scripts(everything: list[tuple[str, Response]]) -> None:
    """a script written into a page -> not run: the policy allows one by its digest"""
    for kind, answer in everything:
        for part in answer.headers["content-security-policy"].split(";"):
            if part.strip().startswith("script-src"):
                assert "'unsafe-inline'" not in part, kind
                assert "'unsafe-eval'" not in part, kind


def test_devices(everything: list[tuple[str, Response]]) -> None:
    """a page that asks for camera, microphone, place, payment -> forbidden in every answer"""
    for kind, answer in everything:
        for device in ("camera", "microphone", "geolocation", "payment", "usb"):
            assert f"{device}=()" in answer.headers["permissions-policy"], kind


def test_kept(everything: list[tuple[str, Response]]) -> None:
    """names that a browser or proxy keeps on disk -> no-store on every page, table and data"""
    program = ("modules", "sign-in", "/viewer/x")
    for kind, answer in everything:
        if not any(word in kind for word in program):
            assert "no-store" in answer.headers.get("cache-control", ""), kind
        elif answer.ok and "max-age" in answer.headers.get("cache-control", ""):
            assert "PATIENT" not in answer.text, kind


def test_banner(everything: list[tuple[str, Response]]) -> None:
    """the name and version of server, framework or language -> in no answer"""
    for kind, answer in everything:
        told = " ".join(f"{name}: {value}" for name, value in answer.headers.items()).lower()
        for word in ("uvicorn", "starlette", "tornado", "python/", "x-powered-by"):
            assert word not in told, kind


def test_errors(everything: list[tuple[str, Response]]) -> None:
    """a stack trace, a path or SQL in an error -> in none"""
    for kind, answer in everything:
        for word in ("Traceback", 'File "', "sqlalchemy", "site-packages", "/home/", "SELECT "):
            assert word not in answer.text, kind


def test_cookie_of_streamlit(world: World) -> None:
    """Streamlit's XSRF cookie sent along from another site -> SameSite=Strict"""
    ada = world.person("ada")
    lines = ada.get("/_stcore/health").raw.headers.getlist("set-cookie")
    lines += ada.get("/", headers=HTML).raw.headers.getlist("set-cookie")
    found = [line for line in lines if "xsrf" in line]
    assert found
    assert all("samesite=strict" in line.lower() for line in found)


@pytest.fixture(scope="module")
def behind_tls(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same behind a proxy with TLS, with a record in which a name was changed behind its back."""
    from attack.test_record import copied, edited

    home = copied(world.home, tmp_path_factory.mktemp("tls") / "home")
    edited(home, "UPDATE study SET patient_name = 'Somebody Else'")
    with serving(home, TRIAGE_ADDRESS=f"https://{NAME}") as base:
        yield replace(world, base=base, home=Path(home), people={})
    shutil.rmtree(home)


def test_strict_transport(behind_tls: World) -> None:
    """to lead people to http behind TLS -> Strict-Transport-Security of two years on every answer"""
    for path in ("/", "/sign-in", "/health", "/worklist/rows", "/dicom-web/studies"):
        answer = behind_tls.visitor().get(path, headers={"Host": NAME})
        assert "max-age=63072000" in answer.headers["strict-transport-security"], path


def test_secure_cookies(behind_tls: World) -> None:
    """cookies sent without TLS, or set by another host of the domain -> Secure, and named __Host-"""
    fields = {"login": "ada", "password": "several words in a row"}
    sent = {"Host": NAME, "Origin": f"https://{NAME}"}
    answer = behind_tls.visitor().post("/sign-in", data=fields, headers=sent)
    assert answer.status_code == 303
    lines = answer.raw.headers.getlist("set-cookie")
    assert {line.split("=")[0] for line in lines} >= {"__Host-triage_session", "__Host-triage_device"}
    assert all("secure" in line.lower() for line in lines)
    secret = next(line for line in lines if line.startswith("__Host-triage_session")).split("=")[1].split(";")[0]
    weak = {"Host": NAME, "Cookie": f"triage_session={secret}"}
    assert behind_tls.visitor().get("/session", headers=weak).status_code == 401
    assert behind_tls.visitor().get("/session", headers=weak | {"Cookie": f"__Host-triage_session={secret}"}).ok


@pytest.mark.parametrize("space", ["\u00a0", "\u0085", "\u001c", "\u001f"])
def test_cookie_of_another_host(behind_tls: World, space: str) -> None:
    """a session of their own, set by another host of the domain under a name that only looks like __Host- -> 401"""
    fields = {"login": "ada", "password": "several words in a row"}
    sent = {"Host": NAME, "Origin": f"https://{NAME}"}
    answer = behind_tls.visitor().post("/sign-in", data=fields, headers=sent)
    secret = str(answer.cookies[f"__Host-{SESSION}"])
    lines = ["GET /session HTTP/1.1", f"Host: {NAME}", "Connection: close"]
    for name, status in ((f"__Host-{SESSION}", b" 200 "), (f"{space}__Host-{SESSION}", b" 401 ")):
        asked = "\r\n".join([*lines, f"Cookie: {name}={secret}", "", ""])
        assert status in behind_tls.raw(asked.encode("latin-1")).split(b"\r\n")[0]


def test_origin_without_tls(behind_tls: World) -> None:
    """the http page of the same name as the origin, behind TLS -> 403"""
    fields = {"login": "ada", "password": "several words in a row"}
    sent = {"Host": NAME, "Origin": f"http://{NAME}"}
    assert behind_tls.visitor().post("/sign-in", data=fields, headers=sent).status_code == 403


def test_damage_is_said(behind_tls: World) -> None:
    """a record changed behind the back, then a start as if nothing was -> /health says damaged"""
    deadline = time.monotonic() + 60
    while (said := behind_tls.visitor().get("/health").json())["status"] != "damaged":
        assert time.monotonic() < deadline, said
        time.sleep(0.5)
    assert "Somebody" not in str(said)
