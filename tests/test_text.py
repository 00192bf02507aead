from __future__ import annotations

import pytest
from rich.console import Console

from triage.text import (
    JOINER,
    MAX_NAME,
    csv_cell,
    display_name,
    file_name,
    html_text,
    markdown,
    one_line,
    readable_age,
    readable_name,
    table_cell,
    terminal,
    visible,
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("head.png", "head.png"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\x.dcm", "x.dcm"),
        ("a\0b.png", "ab.png"),
        ("gnp.\u202eexe", "gnp.exe"),
        ("a\u2028b\u200bc\u2066.png", "abc.png"),
        ("\ud800.png", ".png"),
        ("CON.png", "CON.png"),
        ("  \t ", "unnamed"),
        ("", "unnamed"),
        ("/", "unnamed"),
        ("é" * 4096, "é" * MAX_NAME),
    ],
)
def test_what_is_shown_of_a_name(name: str, shown: str) -> None:
    assert display_name(name) == shown


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("report", "ACC2000", "2026-03-02"), "report_ACC2000_2026-03-02.pdf"),
        (("SR-1", "../../etc/passwd", ""), "SR-1_etc-passwd.pdf"),
        (("report", 'A"\r\nX: 1;\u202e*?', "2026"), "report_A-X-1_2026.pdf"),
        (("report", "v1.2..3.", "…"), "report_v1.2-3.pdf"),
        (("report", "é" * 400), "report_" + "é" * (MAX_NAME - 7) + ".pdf"),
    ],
)
def test_the_name_of_a_download_is_harmless(parts: tuple[str, ...], name: str) -> None:
    assert file_name(*parts, suffix=".pdf") == name


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        (" T1 ax ", 20, "T1 ax"),
        ("a\0b\x1b[31mc\u202ed\u2028e\u2029f\ue000g\U000e0001h\ud800i", 20, "ab[31mcdefghi"),
        ("Ünï 脳 ½", 20, "Ünï 脳 ½"),
        ("ab cd", 3, "ab"),
        ("\u200b\u2060\ufeff", 20, ""),
    ],
)
def test_only_visible_characters_remain(text: str, limit: int, shown: str) -> None:
    assert visible(text, limit) == shown


def test_a_text_of_several_lines_becomes_one() -> None:
    assert one_line(" first\r\n\tsecond\u2028third\x0bfourth\u00a0fifth\u200b ") == "first second third fourth fifth"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("T1 post", "T1 post"),
        ("![x](y)", r"\!\[x\]\(y\)"),
        ("line\n\n# heading", r"line \# heading"),
        ("1. <b>", r"1\. \<b\>"),
        ("a\\*b", r"a\\\*b"),
        (":material/delete:", rf"\:{JOINER}material\/delete\:"),
        ("http://a", rf"http\:{JOINER}\/\/a"),
        ("WWW.a", rf"WWW{JOINER}\.a"),
        ("a@b.c", rf"a\@{JOINER}b\.c"),
        ("a <-> b", rf"a \<{JOINER}\-{JOINER}\> b"),
        ("12:30", r"12\:30"),
        ("", ""),
    ],
)
def test_markdown_is_escaped(text: str, escaped: str) -> None:
    """That Streamlit shows the result as the text itself is tested in tests/e2e/test_text.py."""
    assert markdown(text) == escaped


@pytest.mark.parametrize("text", ["[/red]", "[link=http://a]b[/link]", "a\x1b]0;title\x07b", "a\u202eb", "two\nlines"])
def test_a_terminal_shows_the_text_itself(text: str) -> None:
    console = Console(width=80, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(terminal(text))
    assert captured.get() == "".join(c for c in text if c not in "\x1b\x07\u202e") + "\n"


def test_html_is_escaped() -> None:
    assert html_text("<b onclick='x'>\n\"&\u202e") == "&lt;b onclick=&#x27;x&#x27;&gt; &quot;&amp;"


@pytest.mark.parametrize(
    "start",
    ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "  =", "\u3000@", "\ufeff=", "\u200b=", "\0="],
)
def test_a_cell_is_never_a_formula(start: str) -> None:
    assert csv_cell(f"{start}1+1") == f"'{start}1+1".translate(dict.fromkeys(map(ord, "\ufeff\u200b\0")))


@pytest.mark.parametrize("text", ["glioma", "a=1", " a", "'=1", "", "2 - 1"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert csv_cell(text) == text


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("SMITH^JOHN^A", "SMITH, JOHN A"),
        ("SMITH, JOHN A", "SMITH, JOHN A"),
        ("SMITH^JOHN^^^", "SMITH, JOHN"),
        ("de la Tour^Ana^Luz^Dra.^PhD", "de la Tour, Dra. Ana Luz, PhD"),
        ("Yamada^Taro=山田^太郎=やまだ^たろう", "Yamada, Taro (山田 太郎, やまだ たろう)"),
        ("=山田^太郎=やまだ^たろう", "山田 太郎 (やまだ たろう)"),
        ("==やまだ", "やまだ"),
        ("^Jane", "Jane"),
        ("A^B^C^D^E^F=G=H=I", "A, D B C, E, F (G, H, I)"),
        (" Doe \u202e^ Jane\n", "Doe, Jane"),
        ("^^^=^=", ""),
        ("", ""),
    ],
)
def test_names_are_shown_as_people_write_them(stored: str, shown: str) -> None:
    assert readable_name(stored) == shown


@pytest.mark.parametrize(("age", "written"), [("054Y", "54Y"), ("003M", "3M"), ("", ""), ("100Y", "100Y")])
def test_an_age_is_written_without_zeros_before_it(age: str, written: str) -> None:
    assert readable_age(age) == written


def test_a_cell_of_a_table_is_one_line_and_no_formula() -> None:
    assert table_cell("two\nlines") == "two lines"
    assert table_cell('\u200b=HYPERLINK("h")') == '\'=HYPERLINK("h")'
