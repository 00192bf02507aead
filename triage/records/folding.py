"""Text folded for search, in the record and in a question alike: without case, accents and differences of width."""

from __future__ import annotations

import re
import unicodedata

from triage.text import one_line, readable_name

#: Letters that differ from another one only for a typesetter, or by a stroke, which Unicode does not take apart.
LETTERS = str.maketrans(
    {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ħ": "h", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "’": "'", "ʼ": "'"}
)
#: Longest folded name: characters. PostgreSQL takes 2,700 bytes into an index.
MAX_FOLDED_NAME = 600
#: Characters of a question; SQLite takes no condition of thousands of words.
MAX_QUESTION = 300
#: What stands between the parts of a name, as DICOM writes it and as people do.
BETWEEN = re.compile(r"[,^=\s]+")
#: A comma after the family name, where DICOM has a caret.
COMMA = re.compile(r"\s*(?:,\s|\^)\s*")


def folded(text: str) -> str:
    """Return text without case, accents and hidden characters."""
    text = one_line(text)
    if text.isascii():  # almost all text, and much faster
        return text.casefold()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(character for character in apart if not unicodedata.combining(character))
    # Put together again, so that a Hangul syllable is one character for a wildcard.
    return unicodedata.normalize("NFC", bare.translate(LETTERS))


def folded_name(name: str) -> str:
    """Return a name in DICOM form, folded: each representation stands between two ``=``, "" for no name."""
    representations = [_components(part) for part in name.split("=")]
    return f"={'='.join(representations)}="[:MAX_FOLDED_NAME] if any(representations) else ""


def folded_words(*texts: str) -> str:
    """Return texts folded, each on a line of its own, with one space between the parts of a name."""
    return "\n".join(BETWEEN.sub(" ", folded(text)).strip() for text in texts if text)


def folded_study(name: str | None, patient_name: str | None, *numbers: str | None) -> str:
    """Return what the text filter of the worklist searches: the name of the study, the patient, MRN and accession."""
    patient = patient_name or ""
    return folded_words(name or "", patient, readable_name(patient), *(number or "" for number in numbers))


def sought(text: str) -> list[str]:
    """Return the words of a question, folded, each once; text that mentions all of them, in any order, is wanted."""
    return list(dict.fromkeys(folded_words(text[:MAX_QUESTION]).split()))


def _components(representation: str) -> str:
    return COMMA.sub("^", folded(representation)).rstrip("^ ")
