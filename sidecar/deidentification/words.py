"""Options, reasons and states in words for people who have never read PS3.15."""

from sidecar.deidentification.model import ExportState, Option, Risk

OPTIONS: tuple[tuple[Option, str, str], ...] = (
    (
        Option.MODIFIED_DATES,
        "Keep the distance between dates",
        "All dates of a patient move back by the same secret number of days; times of day stay. Otherwise dates and times go.",
    ),
    (
        Option.PATIENT,
        "Keep sex, age, size and weight",
        "Also smoking, pregnancy and ethnic group. Ages above 89 become 90.",
    ),
    (Option.DEVICE, "Keep which machine it was", "Station names, serial numbers and software. Whoever knows the place knows it."),
    (
        Option.DESCRIPTORS,
        "Keep what descriptions say of the examination",
        "Of series and study descriptions, words for body parts and techniques stay; every other word goes.",
    ),
    (
        Option.SAFE_PRIVATE,
        "Keep vendors' numbers known to be harmless",
        "Such as b-values and SUV factors. All other private data go.",
    ),
    (Option.GRAPHICS, "Say that graphics were removed", "Overlays and annotations go in any case; this puts it on record."),
    (Option.UIDS, "Keep the original UIDs", "Links every image back to your archive. Only for recipients who may know that."),
)
"""In the order of the form: (option, label, what it means)."""

RISKS: dict[Risk, str] = {
    Risk.BURNED_IN: "marked as having text in the picture",
    Risk.ULTRASOUND: "ultrasound: the name is usually in the picture",
    Risk.FLUOROSCOPY: "X-ray sequence without a statement that no text is in the picture",
    Risk.CAPTURE: "screen capture or secondary capture",
    Risk.PHOTOGRAPH: "photograph or video",
    Risk.FACE: "CT or MR of a head: a face can be made out of it",
    Risk.HIDDEN_OVERLAY: "drawing hidden in unused bits of the picture; it is removed on release",
    Risk.DOCUMENT: "document or report: its words cannot be cleaned",
    Risk.UNKNOWN_CLASS: "a kind of object this version does not know",
    Risk.UNREADABLE: "cannot be read or cleaned",
    Risk.RESIDUE: "something that names the patient was left after cleaning",
}

STATES: dict[str, tuple[str, str, str]] = {
    ExportState.WAITING: ("Waiting", "clock", "faint"),
    ExportState.WORKING: ("Being made", "arriving", "accent"),
    ExportState.HELD: ("Needs review", "warning", "warn"),
    ExportState.READY: ("Ready", "check", "ok"),
    ExportState.FAILED: ("Failed", "warning", "bad"),
    ExportState.EXPIRED: ("File deleted", "close", "faint"),
    ExportState.CANCELLED: ("Cancelled", "close", "faint"),
}
"""Word, icon and tone."""

PROBLEMS = {
    "": "",
    "archive-silent": "The archive does not answer; it is tried again every minute.",
    "too-often": "It was tried many times and never finished. Tell your platform's administrator.",
}
