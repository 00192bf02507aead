"""What a reader marked in a study: measurements, outlines and key images, checked before the record takes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    model_serializer,
    model_validator,
)

from triage.errors import ReadingError
from triage.text import visible

#: Limits that the browser has too (`assets/viewer/tools/marks.js`): bytes of JSON, and measurements of a study.
MAX_BYTES = 4 * 2**20
MAX_MEASUREMENTS = 500
#: Slices with an outline, and key images.
MAX_SLICES = 4000
#: Points that define each kind of measurement.
POINTS = {"length": 2, "angle": 3, "ellipse": 2, "probe": 1}
#: Characters of a unit.
MAX_UNIT = 32
#: Characters of the place of an error.
MAX_PLACE = 60

#: A slice: the sha256 of its file, and its `Slice.frame`.
Marker = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}/[0-9]{1,6}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Value = Literal["mm", "px", "degrees", "mm2", "px2", "pixels", "mean", "sd", "min", "max", "value", "stored"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Mask(_Part):
    """An outline on one slice.

    Attributes
    ----------
    rows, columns
        Of the upright slice: pixels.
    runs
        Lengths of the runs, row by row, outside and inside by turns, outside first; one run means an empty mask.
    origin
        The first digits of the digest of the model whose outline it began as; None if the reader drew it from nothing.
    by_hand
        Whether the reader changed it on this slice: not where it was only taken from the AI or filled in between
        others. Marks of earlier releases do not say so.
    """

    rows: PositiveInt
    columns: PositiveInt
    runs: list[NonNegativeInt]
    origin: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")] | None = None
    by_hand: bool = False

    @model_serializer(mode="wrap")
    def _without_nothing(self, kept: SerializerFunctionWrapHandler) -> dict[str, Any]:
        stored: dict[str, Any] = kept(self)
        return {name: value for name, value in stored.items() if value or name not in {"origin", "by_hand"}}

    @model_validator(mode="after")
    def _covers_the_slice(self) -> Self:
        if sum(self.runs) != self.rows * self.columns or 0 in self.runs[1:]:
            raise ValueError("the runs of a mask do not cover its slice")
        return self

    @property
    def pixels(self) -> NDArray[np.bool_]:
        """``(rows, columns)``, true inside."""
        inside = np.arange(len(self.runs)) % 2 == 1
        return np.repeat(inside, self.runs).reshape(self.rows, self.columns)

    @property
    def is_empty(self) -> bool:
        """Whether no pixel is inside."""
        return len(self.runs) < 2


class Measurement(_Part):
    """A length, an angle, an ellipse or a probe on one slice.

    Attributes
    ----------
    id
        Made by the browser.
    points
        x and y in pixels of the upright slice, 0 at the upper left corner of the first pixel. Of an ellipse, two
        opposite corners of its box.
    values
        The numbers that the reader saw.
    unit
        Of the gray values.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{1,36}$")]
    kind: Literal["length", "angle", "ellipse", "probe"]
    marker: Marker
    points: list[Annotated[list[Finite], Field(min_length=2, max_length=2)]]
    values: dict[Value, Finite]
    unit: Annotated[str, AfterValidator(lambda text: visible(text, MAX_UNIT))]

    @model_validator(mode="after")
    def _has_its_points(self) -> Self:
        if len(self.points) != POINTS[self.kind]:
            raise ValueError(f"the kind {self.kind} has {POINTS[self.kind]} points")
        return self


class Marks(_Part):
    """All marks of one reader in one study.

    Attributes
    ----------
    masks
        By slice; an empty mask says that there is no lesion on the slice.
    keys
        The slices that the reader chose for the report.
    """

    format: Literal[1] = 1
    measurements: Annotated[list[Measurement], Field(max_length=MAX_MEASUREMENTS)] = []
    masks: Annotated[dict[Marker, Mask], Field(max_length=MAX_SLICES)] = {}
    keys: Annotated[list[Marker], Field(max_length=MAX_SLICES)] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.measurements or self.masks or self.keys)

    @property
    def markers(self) -> set[str]:
        """The slices with a mark."""
        return {one.marker for one in self.measurements} | set(self.masks) | set(self.keys)

    def stored(self) -> dict[str, Any]:
        """Return them as the record and the browser keep them."""
        return self.model_dump()


def marker(sha256: str, frame: int) -> str:
    """Return the name of a slice in marks.

    Parameters
    ----------
    sha256
        Of its file.
    frame
        `Slice.frame`.
    """
    return f"{sha256}/{frame}"


def parse(content: object, frames: Mapping[str, int] | None = None) -> Marks:
    """Return marks after checking them.

    Parameters
    ----------
    content
        As the browser sent it or the record keeps it.
    frames
        Slices of each file of the study, by sha256; None: not checked.

    Raises
    ------
    ReadingError
        If they are not such marks, or on a slice that the study does not have.
    """
    try:
        marks = Marks.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = visible(".".join(map(str, first["loc"])), MAX_PLACE)
        raise ReadingError(
            f"The marks were not saved ({place or 'marks'}: {first['msg']}). Undo the last one, then draw it again."
        ) from error
    if frames is not None:
        for one in marks.markers:
            sha256, _, frame = one.partition("/")
            if int(frame) >= frames.get(sha256, 0):
                raise ReadingError(
                    "The marks were not saved: one is on a slice that this study does not have. Reload the page."
                )
    return marks


def described(measurement: Measurement) -> str:
    """Return a measurement as the viewer writes it beside it, on one line.

    The numbers are those that the reader saw; `assets/viewer/tools/measure.js` writes the same.
    """
    values, gray = measurement.values, f" {measurement.unit}" if measurement.unit else ""
    if measurement.kind == "length":
        return f"{_shown(values['mm'])} mm" if "mm" in values else f"{_shown(values.get('px', math.nan))} px"
    if measurement.kind == "angle":
        return f"{_shown(values.get('degrees', math.nan))}°"
    if measurement.kind == "probe":
        return f"{_shown(values['value'])}{gray}" if "value" in values else "outside the picture"
    area = f"{_shown(values['mm2'])} mm²" if "mm2" in values else f"{_shown(values.get('px2', math.nan))} px²"
    if not {"mean", "sd", "min", "max"} <= set(values):
        return area
    mean, spread = _shown(values["mean"]), _shown(values["sd"])
    return f"mean {mean}{gray}, SD {spread}, {_shown(values['min'])} to {_shown(values['max'])}, {area}"


def _shown(value: float) -> str:
    """Return a number with about four digits, and no more than two after the point."""
    digits = 0 if value.is_integer() or abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"
