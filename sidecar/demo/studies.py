"""What each demo hospital sends: one `StudySpec` per study, with everything needed to make its files."""

from dataclasses import dataclass, field, replace
from typing import Literal

from sidecar.demo.people import MERCY, REFERRERS, ST_LUKE, Patient

Phantom = Literal["ct-chest", "mr-brain", "cr-chest", "us-heart"]
Priority = Literal["STAT", "HIGH", "ROUTINE"]
MODALITY: dict[Phantom, str] = {"ct-chest": "CT", "mr-brain": "MR", "cr-chest": "CR", "us-heart": "US"}
BODY_PART: dict[Phantom, str] = {"ct-chest": "CHEST", "mr-brain": "BRAIN", "cr-chest": "CHEST", "us-heart": "HEART"}


@dataclass(frozen=True)
class StudySpec:
    """One study to make and send.

    `key` names the study for ever: its UIDs are derived from it. `aet` is the calling AE title of the modality,
    `hours_ago` its age at generation, `indication` the clinical question. `findings` are the phantom's own parameters
    (for example `nodule` in mm).
    """

    key: str
    patient: Patient
    phantom: Phantom
    description: str
    accession: str
    referrer: str
    aet: str
    hours_ago: float
    institution: str
    indication: str = ""
    priority: Priority = "ROUTINE"
    seed: int = 1
    findings: dict[str, float] = field(default_factory=dict)

    @property
    def modality(self) -> str:
        """Give the DICOM Modality (0008,0060)."""
        return MODALITY[self.phantom]


@dataclass(frozen=True)
class _House:
    """What all studies of one hospital have in common."""

    institution: str
    aet: str
    accession: str
    patients: dict[str, Patient]
    referrers: tuple[str, str]

    def study(  # noqa: PLR0913, PLR0917 - one line per study reads as a table
        self,
        who: str,
        phantom: Phantom,
        description: str,
        number: int,
        hours_ago: float,
        indication: str,
        *,
        seed: int,
        priority: Priority = "ROUTINE",
        findings: dict[str, float] | None = None,
    ) -> StudySpec:
        """Make one study of this hospital."""
        return StudySpec(
            key=f"{self.aet}-{number}",
            patient=self.patients[who],
            phantom=phantom,
            description=description,
            accession=self.accession.format(number),
            referrer=self.referrers[number % 2],
            aet=f"{self.aet}_{MODALITY[phantom]}1",
            hours_ago=hours_ago,
            institution=self.institution,
            indication=indication,
            priority=priority,
            seed=seed,
            findings=findings or {},
        )


_MERCY = _House("Mercy General Hospital", "MERCY", "MG26{:04d}", MERCY, REFERRERS["mercy"])
_LUKE = _House("St Luke Imaging Centre", "STLUKE", "SL-88{:03d}", ST_LUKE, REFERRERS["st_luke"])

# Larsen was scanned at St Luke and carried the disc to Mercy: both send the very same objects.
TRANSFERRED = _LUKE.study(
    "larsen",
    "ct-chest",
    "CT chest, transferred",
    341,
    5.2,
    "Fever and cough for ten days, transferred between hospitals.",
    seed=23,
    findings={"opacity": 0.5},
)

DEMO: dict[str, list[StudySpec]] = {
    "mercy": [
        _MERCY.study(
            "novak",
            "ct-chest",
            "CT chest",
            14,
            24 * 366.0,
            "Incidental nodule on radiograph.",
            seed=11,
            findings={"nodule": 6.0},
        ),
        _MERCY.study(
            "novak",
            "ct-chest",
            "CT chest, nodule follow-up",
            171,
            3.1,
            "Follow-up of a right upper lobe nodule, 6 mm a year ago.",
            seed=11,
            findings={"nodule": 11.0},
        ),
        _MERCY.study(
            "okafor",
            "ct-chest",
            "STAT CT chest",
            174,
            0.4,
            "Acute dyspnoea, sepsis. Ring the ward: 4417.",
            seed=12,
            priority="STAT",
            findings={"opacity": 0.9, "effusion": 1.0},
        ),
        _MERCY.study(
            "sato",
            "mr-brain",
            "MR brain",
            172,
            2.2,
            "Recurrent visual disturbance. Demyelination?",
            seed=13,
            findings={"lesions": 9},
        ),
        _MERCY.study(
            "sokolova",
            "cr-chest",
            "Chest PA",
            173,
            1.3,
            "Cough, crackles at the right base.",
            seed=14,
            findings={"opacity": 0.7},
        ),
        _MERCY.study(
            "brandt",
            "us-heart",
            "Echocardiography",
            170,
            4.6,
            "Heart failure, left ventricular function?",
            seed=15,
            findings={"squeeze": 0.16},
        ),
        _MERCY.study("haddad", "cr-chest", "Chest PA, pre-employment", 168, 7.5, "Screening.", seed=16),
        replace(TRANSFERRED, aet="MERCY_CT1"),
    ],
    "st_luke": [
        _LUKE.study(
            "murphy",
            "ct-chest",
            "CT chest",
            344,
            1.8,
            "Haemoptysis, smoker, 40 pack years.",
            seed=21,
            priority="HIGH",
            findings={"nodule": 18.0},
        ),
        _LUKE.study("ferreira", "mr-brain", "MR brain", 343, 2.9, "Headache for six weeks.", seed=22),
        TRANSFERRED,
        _LUKE.study(
            "wang",
            "cr-chest",
            "Chest PA",
            345,
            0.9,
            "Weight loss, smoker.",
            seed=24,
            findings={"inverted": 1, "nodule": 24.0},
        ),
        _LUKE.study("kim", "us-heart", "Echocardiography", 342, 4.1, "Murmur. Valves?", seed=25, findings={"colour": 1}),
        _LUKE.study(
            "papadopoulou",
            "mr-brain",
            "MR brain, memory clinic",
            340,
            6.4,
            "Memory loss for two years.",
            seed=26,
            findings={"atrophy": 1.6, "lesions": 14},
        ),
    ],
}
