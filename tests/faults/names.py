"""Names that would lead elsewhere, mislead, or break what is made of them."""

from __future__ import annotations

from collections.abc import Iterator

WAYS = [
    "head{}.png.exe",
    "head{}.dcm.php",
    "../../../../tmp/escaped-{}.png",
    "..\\..\\..\\escaped-{}.png",
    "/tmp/escaped-{}.png",
    "C:\\Windows\\System32\\escaped-{}.png",
    "\\\\host\\share\\escaped-{}.png",
    "a{}\0b.png",
    "head{}.png\0.exe",
    "n" * 4096 + "{}.png",
    "é漢" * 2048 + "{}",
    "head{}\u202egnp.exe",
    "\u2066head{}\u2069\u200b.png",
    "line{}\r\nSet-Cookie: a=b",
    "line{}\u2028break.png",
    "CON{}",
    "NUL.{}",
    "com1.{}.png",
    "aux.png:{}",
    "<script>alert({})</script>.png",
    "'; DROP TABLE study; --{}",
    '=HYPERLINK("x",{})',
    "$(touch escaped-{})",
    "%2e%2e%2fescaped-{}",
    ".{}",
    "-rf {}",
    "~/escaped-{}",
    "{} \t ",
]


def names(count: int) -> Iterator[str]:
    """So many names, no two alike."""
    for number in range(count):
        yield WAYS[number % len(WAYS)].replace("{}", str(number))
