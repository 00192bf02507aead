"""Text of a DICOM file to Unicode, whatever its Specific Character Set (0008,0005) says (PS3.5 6.1, PS3.3 C.12.1.1.2).

Text that does not fit the stated character set, or of a file that states none, is read as UTF-8 if it is that, else by
a guess where its bytes leave little doubt (`triage.scans.formats.undeclared`), else as Windows-1252 with a mark for
each byte that has no character. So a name is never empty unless the file's is. The file itself stays as it came.
"""

from __future__ import annotations

import codecs
import re
import string
from collections.abc import Sequence

from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from triage.scans.formats.undeclared import guess, reads_well

ESCAPE = b"\x1b"
UNICODE = "ISO_IR 192"
ASCII = "ascii"
LATIN = "iso8859-1"
CYRILLIC = "iso8859-5"
#: Codecs by the number of a defined term. For sets of several bytes: a superset that also reads them without escapes.
CODECS = {
    6: ASCII,
    13: "cp932",
    58: "gb18030",
    87: "euc_jp",
    100: LATIN,
    101: "iso8859-2",
    109: "iso8859-3",
    110: "iso8859-4",
    126: "iso8859-7",
    127: "iso8859-6",
    138: "iso8859-8",
    144: CYRILLIC,
    148: "iso8859-9",
    149: "cp949",
    159: "euc_jp",
    166: "cp874",
    192: "utf-8",
    203: "iso8859-15",
}
#: Escape sequences that choose the upper half of the byte values (G1), by the number of their character set.
UPPER = {
    b")I": 13,
    b"$)A": 58,
    b"-A": 100,
    b"-B": 101,
    b"-C": 109,
    b"-D": 110,
    b"-F": 126,
    b"-G": 127,
    b"-H": 138,
    b"-L": 144,
    b"-M": 148,
    b"$)C": 149,
    b"-T": 166,
    b"-b": 203,
}
#: Escape sequences after which each character has two bytes of the lower half (G0), delimiters among them: Japanese.
TWO_BYTES = (b"$B", b"$@", b"$(D")
#: Escape sequences that return the lower half to ASCII or its Japanese variant.
ONE_BYTE = (b"(B", b"(J")
SWITCH = re.compile(rb"\x1b(%b)" % b"|".join(map(re.escape, (*UPPER, *TWO_BYTES, *ONE_BYTE))))
#: After these the character set is the first one stated again (PS3.5 6.1.2.5.3).
DELIMITER = re.compile(rb"([\^=\\\r\n\f\t])")
#: A defined term, or what people write for one: ISO_IR 100, ISO-IR 100, ISO 2022 IR 100, ISO IR100.
TERM = re.compile(r"(?:ISO)?[ _-]*(?:2022)?[ _-]*(?:IR)?[ _-]*0*(\d{1,3})", re.IGNORECASE)
#: Control characters that no text holds: a sign that the bytes are of another character set.
CONTROLS = re.compile("[\x80-\x9f]")
#: Most bytes of a character, and the mark of one that is cut off.
MAX_CHARACTER = 4
MARK = "\ufffd"
TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
#: Text with a single value, in which a backslash is a character.
SINGLE = frozenset({"LT", "ST", "UT"})


def decoded(raw: bytes, terms: Sequence[str] = (), guessed: str = "") -> str:
    """Return text as Unicode.

    Parameters
    ----------
    raw
        The bytes of an element, all of its values and components.
    terms
        The values of Specific Character Set; misspelt ones are understood, unknown ones ignored.
    guessed
        Codec of what does not read well as stated.
    """
    if raw.isascii() and ESCAPE not in raw:
        return raw.decode("ascii")
    stated = list(dict.fromkeys(filter(None, map(_codec, terms))))
    first, *switches = SWITCH.split(raw)
    text, upper, two_bytes = [_plain(first, stated, guessed)], "", b""
    for escape, piece in zip(switches[::2], switches[1::2], strict=True):
        if escape in UPPER:
            upper = CODECS[UPPER[escape]]
        else:
            two_bytes = escape if escape in TWO_BYTES else b""
        if two_bytes:
            text.append((ESCAPE + two_bytes + piece).decode("iso2022_jp_ext", "replace"))
            continue
        for part in DELIMITER.split(piece):
            text.append(_plain(part, [upper, *stated] if upper else stated, guessed))
            if DELIMITER.fullmatch(part) and stated[:1] not in ([], [ASCII]):
                upper = ""
    return "".join(text)


def to_unicode(dataset: Dataset, *, nested: bool = False) -> None:
    """Replace the text of a data set by Unicode, before pydicom decodes it.

    Parameters
    ----------
    dataset
        It is changed; elements that pydicom has decoded already are left as they are.
    nested
        Replace the text of sequences too, which takes longer, and say in Specific Character Set that all is Unicode.
    """
    _replace(dataset, (), nested=nested)


def _replace(dataset: Dataset, inherited: Sequence[str], *, nested: bool, guessed: str = "") -> None:
    terms = _terms(dataset) or inherited
    # By a name that is no defined term, pydicom may read even ASCII as something else.
    usual = all(TERM.fullmatch(term) for term in terms if term)
    texts = {
        element.tag: element.value
        for element in dataset.values()
        if _kind(element) in TEXT
        and isinstance(element.value, bytes)
        and not (usual and element.value.isascii() and ESCAPE not in element.value)
    }
    if (stated := "".join(filter(None, map(_codec, terms)))) == CYRILLIC:
        # Much that is said to be in this set is in that of Windows.
        terms = [guess([raw for raw in texts.values() if not raw.isascii()], stated) or CYRILLIC]
    guessed = guess([raw for raw in texts.values() if not reads_well(decoded(raw, terms))]) or guessed
    for tag, raw in texts.items():
        kind, text = _kind(dataset.get_item(tag)), decoded(raw, terms, guessed).rstrip("\0 ")
        values = text if kind in SINGLE else text.split("\\")
        dataset[tag] = DataElement(tag, kind, values, validation_mode=config.IGNORE)
    if nested:
        for tag in [element.tag for element in dataset.values() if _kind(element) == "SQ"]:
            for item in _items(dataset, tag):
                _replace(item, terms, nested=True, guessed=guessed)
        dataset.SpecificCharacterSet = UNICODE


def _items(dataset: Dataset, tag: BaseTag) -> Sequence[Dataset]:
    try:
        return dataset[tag].value or ()
    except Exception:  # pydicom converts a sequence now, and a damaged one can raise anything
        return ()


def _terms(dataset: Dataset) -> list[str]:
    element = dataset.get_item("SpecificCharacterSet")
    value = element.value if element is not None else None
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        value = value.split("\\")
    return [str(term) for term in value] if isinstance(value, list | MultiValue) else []


def _kind(element: DataElement | RawDataElement) -> str:
    try:
        return element.VR or dictionary_VR(element.tag)
    except KeyError:
        return ""


def _codec(term: str) -> str:
    """Return the Python codec of a defined term or of any other name of a character set; "" if there is none."""
    term = term.strip("\0 ") or "ISO_IR 6"
    if known := TERM.fullmatch(term):
        return CODECS.get(int(known[1]), "")
    name = re.sub(r"^ISO[ _-]*2022[ _-]+(?=[A-Z])", "", term, flags=re.IGNORECASE)
    try:
        found = codecs.lookup(name).name
        extends_ascii = string.printable.encode().decode(found) == string.printable
    except (LookupError, ValueError):
        return ""
    return found if extends_ascii else ""


def _plain(raw: bytes, stated: Sequence[str], guessed: str) -> str:
    """Return text without escape sequences."""
    if raw.isascii():
        return raw.decode("ascii")
    codecs_to_try = [*stated, "utf-8"]
    # In Latin-1, what is also UTF-8 would be letters followed by signs: no language writes that, but many programs do.
    if codecs_to_try[0] == LATIN:
        codecs_to_try.insert(0, "utf-8")
    found = [text for codec in codecs_to_try if (text := _strictly(raw, codec)) and not CONTROLS.search(text)]
    text = found[0] if found else raw.decode("cp1252", "replace")
    if not reads_well(text) or MARK in text:
        # What happens to be UTF-8 too is that, if it reads better than what is stated.
        text = next((other for other in found if other == _whole(raw, "utf-8") and reads_well(other)), text)
    return text if not guessed or reads_well(text) else _strictly(raw, guessed) or text


def _whole(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec)
    except UnicodeError:
        return ""


def _strictly(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec)
    except UnicodeError as error:  # some codecs that a term can name raise no UnicodeDecodeError
        last = getattr(error, "start", 0)
    # A name that was cut off at so many bytes can end within a character; padding may follow.
    cut = raw.rstrip(b"\0 ")
    if len(cut) - last >= MAX_CHARACTER or raw[:last].isascii():
        return ""
    try:
        return codecs.getincrementaldecoder(codec)().decode(cut) + MARK
    except UnicodeError:
        return ""
