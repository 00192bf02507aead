"""The AI result as a DICOM structured report: TID 1500, Measurement Report."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from triage.domain import AIResult, Finding, Slice
from triage.reports.sources import MANUFACTURER, MR_BRAIN, RESEARCH, Source, stamp, uid

#: The classes of the network are broader than SNOMED concepts, so they get codes of our own.
SCHEME = "99NEUROTRIAGE"
SERIES_NUMBER = 9001


def structured_report(result: AIResult, sources: Sequence[Source], shown: Slice | None) -> Dataset:
    """Return the AI result as a Comprehensive SR that refers to the source instances.

    It is marked as partial and unverified, since no person has verified it.

    Parameters
    ----------
    result
        The AI result.
    sources
        The DICOM files of the study; at least one.
    shown
        The slice that the result shows, if known.
    """
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid("tracking", result, sources), f"{MANUFACTURER} study result"),
        algorithm_id=AlgorithmIdentification(name=result.model, version=result.model_sha256[:16]),
        measurements=[
            Measurement(
                name=CodedConcept(f"P_{finding}".upper(), SCHEME, f"Probability of {finding.label.lower()}"),
                value=round(result.probabilities[finding], 6),
                unit=codes.UCUM.NoUnits,
            )
            for finding in Finding
        ],
        qualitative_evaluations=[
            QualitativeEvaluation(
                CodedConcept("CLASS", SCHEME, "Most probable class"),
                CodedConcept(result.predicted.value.upper(), SCHEME, result.predicted.label),
            ),
            QualitativeEvaluation(
                CodedConcept("BAND", SCHEME, "Worklist band"),
                CodedConcept(result.ranking.band.value, SCHEME, result.ranking.band.value),
            ),
            *(
                QualitativeEvaluation(
                    CodedConcept("NOT_RULED_OUT", SCHEME, "Class not ruled out at 95 % coverage"),
                    CodedConcept(finding.value.upper(), SCHEME, finding.label),
                )
                for finding in result.prediction_set
            ),
        ],
        source_images=_shown(shown, sources),
    )
    device = DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=["model", result.model_sha256]),
        name=result.model,
        manufacturer_name=MANUFACTURER,
        model_name=result.model,
    )
    content = MeasurementReport(
        observation_context=ObservationContext(ObserverContext(codes.DCM.Device, device)),
        procedure_reported=MR_BRAIN,
        imaging_measurements=[group],
    )
    report = ComprehensiveSR(
        evidence=[source.header for source in sources],
        content=content,
        series_instance_uid=uid("sr series", result, sources),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid("sr", result, sources),
        instance_number=1,
        manufacturer=MANUFACTURER,
        series_description=f"AI result. {RESEARCH}",
    )
    stamp(report, result.filed_at)
    return report


def _shown(shown: Slice | None, sources: Sequence[Source]) -> list[SourceImageForMeasurementGroup] | None:
    if shown is None:
        return None
    (source,) = (source for source in sources if source.instance == shown.instance)
    frames = [shown.frame + 1] if source.frames else None
    return [SourceImageForMeasurementGroup.from_source_image(source.header, frames)]
