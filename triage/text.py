"""Text of a file, a peer or a person made safe to show: on a line, in Markdown, in HTML, in a spreadsheet.

Every text that the product did not write itself goes through one of these functions before it is shown.
"""

from __future__ import annotations

import html
import re
import string
import unicodedata

from rich.text import Text

MAX_NAME = 120
#: Unicode categories without a visible character, or that change how others are shown: control, format (direction,
#: zero width), surrogate, private use, unassigned; line and paragraph separators.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: Start of a spreadsheet formula (OWASP, "CSV Injection"): ASCII, full-width, tab and line breaks.
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
#: WORD JOINER has no width and forbids a line break: it only separates two characters.
JOINER = "\u2060"
#: After parsing, Streamlit still replaces these in plain text, escaped or not: emoji and icon names, the addresses and
#: e-mail addresses of GitHub-flavoured Markdown, and arrows such as ``->``.
REPLACED_AFTER_PARSING = re.compile(r":(?=[\w+-]+:|//|material/)|www(?=\.)|@(?=\w)|[<>~-](?=[>=-])", re.IGNORECASE)
_ESCAPES = {ord(character): f"\\{character}" for character in string.punctuation}


def visible(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text on one line, without characters that cannot be seen."""
    if not (text.isascii() and text.isprintable()):  # rare, and much slower
        text = "".join(c for c in text if unicodedata.category(c) not in INVISIBLE)
    return text.strip()[:limit].rstrip()


def display_name(name: str) -> str:
    """Return the last part of a file name for display, "unnamed" if nothing visible is left; never use it as a path."""
    return visible(name.replace("\\", "/").rsplit("/", 1)[-1], MAX_NAME) or "unnamed"


def file_name(*parts: str, suffix: str) -> str:
    """Return a name for a file that is taken away: of each part the letters, digits, ``-`` and ``.``, joined by ``_``.

    Parameters
    ----------
    parts
        What the file is and of what; empty ones are left out.
    suffix
        Its ending, with the dot.
    """
    kept = ("-".join(re.findall(r"[^\W_]+(?:\.[^\W_]+)*", one_line(part))) for part in parts)
    return visible("_".join(filter(None, kept)), MAX_NAME) + suffix


def one_line(text: str) -> str:
    """Return a whole text on one line: white space becomes single spaces, invisible characters are dropped."""
    return visible(" ".join(text.split()), len(text))


def markdown(text: str) -> str:
    """Return Markdown that Streamlit shows as exactly this text, on one line.

    All ASCII punctuation is escaped (CommonMark 2.4). That disables emphasis, headings, lists, links, images, HTML,
    LaTeX and directives such as ``:red[...]``. A `JOINER` breaks what is replaced after parsing.
    """
    return REPLACED_AFTER_PARSING.sub(rf"\g<0>{JOINER}", one_line(text)).translate(_ESCAPES)


def html_text(text: str) -> str:
    """Return HTML that shows exactly this text, on one line; also safe as a quoted attribute."""
    return html.escape(one_line(text))


def terminal(text: str) -> Text:
    """Return a text for a rich console without markup and without control sequences; only line breaks stay."""
    return Text("".join(c for c in text if c == "\n" or unicodedata.category(c) not in INVISIBLE))


def csv_cell(text: str) -> str:
    """Return a cell that a spreadsheet shows as text: one that could start a formula gets a leading apostrophe.

    The writer quotes all cells, so that no spreadsheet splits a cell at another separator.
    """
    shown = "".join(c for c in text if c in "\t\r\n" or unicodedata.category(c) not in INVISIBLE)
    starts = {shown[:1], shown.lstrip()[:1]}
    return f"'{shown}" if starts & FORMULA_STARTS else shown


def table_cell(text: str) -> str:
    """Return a text as a cell of a table on a page: on one line, and no formula in the CSV that the table offers."""
    return csv_cell(one_line(text))


def readable_age(age: str) -> str:
    """Return an age in DICOM form (PS3.5 6.2) without its leading zeros: ``054Y`` becomes ``54Y``."""
    return one_line(age).lstrip("0")


def readable_name(name: str) -> str:
    """Return a person's name in DICOM form (PS3.5 6.2.1.2) as people write it.

    ``Yamada^Taro^^Dr.=山田^太郎=やまだ^たろう`` becomes ``Yamada, Dr. Taro (山田 太郎, やまだ たろう)``.
    """
    alphabetic, *others = (representation.split("^") for representation in one_line(name).split("="))
    family, given, middle, prefix, suffix, *more = (part.strip() for part in (*alphabetic, *[""] * 5))
    first = " ".join(filter(None, (prefix, given, middle)))
    written = ", ".join(filter(None, (family, first, suffix, *more)))
    rest = [spelt for parts in others if (spelt := " ".join(filter(None, map(str.strip, parts))))]
    if not written and rest:
        written = rest.pop(0)
    return f"{written} ({', '.join(rest)})" if rest else written
