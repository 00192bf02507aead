"""De-identify a file before it is stored: DICOM, NIfTI, PNG and JPEG.

Every file is rewritten from the parts that are known to be needed, so that everything else is lost. With the same map
of pseudonyms, the same file gives the same bytes.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import ExplicitVRLittleEndian

from triage.domain import Kind, SeriesHeader, StudyHeader
from triage.errors import RefusedError, StorageError
from triage.scans.deidentify import profile
from triage.scans.deidentify.pseudonym import Identity, PseudonymMap
from triage.scans.formats import data_set, dicom, nifti
from triage.scans.formats.character_sets import to_unicode
from triage.scans.formats.derivation import COMPUTED, DERIVED
from triage.scans.formats.inspect import Inspected
from triage.scans.formats.parsing import read
from triage.scans.formats.pixel_module import overlays_in_cells
from triage.scans.quality.burned_in import is_suspect

TEXT_IN_PIXELS = (
    "There may be text in the pixels (a screenshot, a scanned form, or a mark of the device), and this installation "
    "accepts no patient names. Check the picture at its source: remove the text, or mark it as clean "
    "(Burned In Annotation NO), then send it again."
)
NO_PICTURE = (
    "The file is a report, a form or a measurement, not an image, and its text may name the patient. This installation "
    "accepts no patient names; send the images only."
)
FAILED = "De-identification failed, so nothing was stored. Export the file from the PACS again, then repeat."
#: Elements with free text that set a series aside, by reason. The text is replaced by the reason.
REPLACED_BY_REASON = {
    "Localiser": "SeriesDescription",
    COMPUTED: "SeriesDescription",
    DERIVED: "DerivationDescription",
}
# At level DEBUG, Pillow logs the contents of EXIF.
logging.getLogger("PIL").setLevel(logging.INFO)
#: Numbers of the NIfTI header that are not needed.
UNUSED_FIELDS = {"extents", "session_error", "regular", "glmax", "glmin", "intent_p1", "intent_p2", "intent_p3"}


class Deidentifier:
    """De-identify files on arrival.

    Parameters
    ----------
    pseudonyms
        Map of original and new identifiers, stored separately from everything else.
    folder
        Folder for the new files; the caller removes it.
    """

    def __init__(self, pseudonyms: PseudonymMap, folder: Path) -> None:
        self._pseudonyms, self._folder, self._count = pseudonyms, folder, 0

    def rename(self, names: Iterable[str]) -> dict[str, str]:
        """Return a pseudonym for each file name."""
        drawn = self._pseudonyms.replace({(Identity.NAME, name) for name in names})
        return {name: pseudonym.replacement for (_, name), pseudonym in drawn.items()}

    def admit(self, path: Path, inspected: Inspected, name: str) -> tuple[Path, Inspected, str]:
        """Return the de-identified file, its metadata and its name.

        Parameters
        ----------
        path
            The file as received; it is not changed.
        inspected
            Result of `inspect` for it.
        name
            Its pseudonym from `rename`.

        Raises
        ------
        RefusedError
            If there may be text in the pixels, or the file cannot be rewritten.
        """
        self._count += 1
        target = self._folder / f"deidentified-{self._count}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if inspected.kind is Kind.DICOM:
                    return target, self._dicom(path, target, inspected), f"{name}.dcm"
                if inspected.kind is Kind.NIFTI:
                    target.write_bytes(_nifti(path))
                    return target, _anonymous(inspected), f"{name}.nii"
                _picture(path, target, inspected.kind)
                return target, replace(_anonymous(inspected), kind=Kind.PNG), f"{name}.png"
        except (RefusedError, StorageError, OSError):
            raise
        except Exception:
            # The error may quote what was to be removed, so it is neither logged nor chained.
            raise RefusedError(FAILED) from None

    def _dicom(self, path: Path, target: Path, inspected: Inspected) -> Inspected:
        dataset = read(path)
        to_unicode(dataset, nested=True)
        if "PixelData" not in dataset:
            raise RefusedError(NO_PICTURE)
        if is_suspect(dataset):
            raise RefusedError(TEXT_IN_PIXELS)
        _only_pixels(dataset)
        pseudonyms = self._pseudonyms.replace(profile.identifiers(dataset))
        profile.deidentify(dataset, pseudonyms)
        if keyword := REPLACED_BY_REASON.get(inspected.series.set_aside):
            setattr(dataset, keyword, inspected.series.set_aside)
        dataset.preamble = bytes(128)
        dataset.file_meta = _file_meta(dataset)
        dcmwrite(target, dataset, enforce_file_format=True)
        return replace(
            inspected,
            study=dicom.study_header(dataset),
            series=dicom.series_header([dataset]),
            sop_instance_uid=dataset.SOPInstanceUID,
            transfer_syntax=dicom.transfer_syntax(dataset),
            # That of the original would follow from the patient's identity.
            content=data_set.digest(dataset),
        )


def _only_pixels(dataset: Dataset) -> None:
    """Remove everything but pixels: comments in a compressed stream, bytes after the last row, overlays above them."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        dataset.decompress(generate_instance_uid=False)
    elif syntax.is_deflated:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pixels = dataset.PixelData[: get_expected_length(dataset)]
    if overlays_in_cells(dataset):  # drawn by a person, often with a name
        order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
        cells = np.frombuffer(pixels, f"{order}u{dataset.BitsAllocated // 8}")
        pixels = (cells & ((1 << dataset.HighBit + 1) - 1)).astype(cells.dtype).tobytes()
    dataset.PixelData = pixels + bytes(len(pixels) % 2)


def _file_meta(dataset: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    return meta


def _anonymous(inspected: Inspected) -> Inspected:
    """Return the metadata without any text: formats without a patient name can hide one elsewhere."""
    series = inspected.series
    kept = SeriesHeader(
        number=series.number,
        modality=series.modality,
        plane=series.plane,
        spacing=series.spacing,
        set_aside=series.set_aside,
    )
    return replace(inspected, study=StudyHeader(), series=kept)


def _nifti(path: Path) -> bytes:
    """Return header and voxels only: no text fields, no extensions, nothing after the last voxel."""
    header, voxels = nifti.header_and_voxels(path)
    header.extensions.clear()
    for field, (kind, *_) in header.structarr.dtype.fields.items():
        if kind.kind == "S" and field not in {"magic", "eol_check"}:
            header[field] = b""
    for field in UNUSED_FIELDS & set(header.structarr.dtype.names):
        header[field] = 0
    header["vox_offset"] = len(header.binaryblock) + 4
    return bytes(header.binaryblock) + bytes(4) + voxels


def _picture(path: Path, target: Path, kind: Kind) -> None:
    """Write the pixels only, as PNG: no EXIF, no text, no profile, no preview, nothing after the end."""
    image: Image.Image = ImageOps.exif_transpose(Image.open(path, formats=[kind]))
    if image.mode in {"P", "1", "PA", "CMYK", "YCbCr"} or "transparency" in image.info:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    # Through an array, since Pillow copies some metadata to the file that it writes.
    Image.fromarray(np.asarray(image)).save(target, format="PNG")
