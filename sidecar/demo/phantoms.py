"""Studies as DICOM files: `generate` for the demo, `slices` for streams in tests and benchmarks."""

import datetime as dt
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from sidecar.demo import brain, chest, heart
from sidecar.demo.objects import put_pixels, put_plane, study_object, uid, write
from sidecar.demo.raster import axis
from sidecar.demo.studies import Phantom, StudySpec

CT_SLICES, CT_SIZE, CT_SPACING, CT_THICKNESS = 48, 512, 0.7, 5.0
MR_SLICES, MR_SIZE, MR_SPACING, MR_GAP = 24, 256, 0.9, 6.0
CR_ROWS, CR_COLUMNS, CR_SPACING = 2500, 2048, 0.168
US_FRAMES, US_FRAME_MS = 30, 33.3


def generate(study: StudySpec, folder: Path, now: dt.datetime | None = None) -> list[Path]:
    """Write the files of one study into `folder` (made when missing) and give their paths in order.

    The content depends on the spec alone, the dates on `now` (aware UTC; default: the clock): two hospitals that send
    the same study must be given the same `now`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = (now or dt.datetime.now(dt.UTC)) - dt.timedelta(hours=study.hours_ago)
    return _WRITERS[study.phantom](study, folder, taken)


def generate_demo(studies: Iterable[StudySpec], root: Path, now: dt.datetime, processes: int = 2) -> dict[str, Path]:
    """Generate each study once into `root`/key, several at a time; give the folder of each key.

    A study that two hospitals send has one key, so both send the same files.
    """
    once = {study.key: study for study in studies}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(generate, study, root / key, now) for key, study in once.items()]
        for job in jobs:
            job.result()
    return {key: root / key for key in once}


def slices(n: int, folder: Path, study: StudySpec, *, series: int = 9, now: dt.datetime | None = None) -> list[Path]:
    """Write `n` CT slices of 512 by 512 cheaply: one noisy pixel array, the slice's own number stamped into its corner.

    Meant for streams of hundreds or thousands; geometry and identifiers are as good as those of `generate`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = (now or dt.datetime.now(dt.UTC)) - dt.timedelta(hours=study.hours_ago)
    rng = np.random.default_rng(study.seed)
    pixels = (chest.Chest(study.seed).hounsfield(*_grid(), 20.0) + 1024 + rng.normal(0, 12, (CT_SIZE, CT_SIZE))).astype(np.int16)
    ds = study_object(study, taken, series, 1)
    ds.SeriesDescription = "Stream"
    _ct_modules(ds)
    paths = []
    for i in range(n):
        ds.InstanceNumber = i + 1
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid(study.key, series, i + 1)
        put_plane(ds, (*_corner(CT_SIZE, CT_SPACING), -float(i)), CT_SPACING, 1.0)
        pixels[0, 0] = i % 30000
        put_pixels(ds, pixels, 16)
        paths.append(write(ds, folder))
    return paths


def _grid() -> tuple[np.ndarray, np.ndarray]:
    """Give the x row and y column of a CT slice in mm."""
    line = axis(CT_SIZE, CT_SPACING)
    return line[None, :], line[:, None]


def _corner(size: int, spacing: float) -> tuple[float, float]:
    """Give x and y of the centre of the first pixel in mm (PS3.3 C.7.6.2.1.1)."""
    edge = -(size - 1) / 2 * spacing
    return edge, edge


def _ct(study: StudySpec, folder: Path, taken: dt.datetime) -> list[Path]:
    """Write a chest CT."""
    volume = chest.ct_volume(chest.Chest(study.seed, **study.findings), CT_SLICES, CT_SIZE, CT_SPACING, CT_THICKNESS, 110.0)
    stored = np.clip(volume + 1024, 0, 4095).astype(np.int16)
    paths = []
    for i, pixels in enumerate(stored):
        ds = study_object(study, taken, 2, i + 1)
        ds.SeriesDescription = "Chest 5 mm axial"
        _ct_modules(ds)
        put_plane(ds, (*_corner(CT_SIZE, CT_SPACING), 110.0 - i * CT_THICKNESS), CT_SPACING, CT_THICKNESS)
        put_pixels(ds, pixels, 16)
        paths.append(write(ds, folder))
    return paths


def _ct_modules(ds: Dataset) -> None:
    """Fill the CT Image module and the two windows a chest is read in (PS3.3 C.8.2.1, C.11.2)."""
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.AcquisitionNumber = 1
    ds.KVP = "120"
    ds.XRayTubeCurrent, ds.ExposureTime = 210, 500
    ds.ConvolutionKernel = "STANDARD"
    ds.ReconstructionDiameter = CT_SIZE * CT_SPACING
    ds.GantryDetectorTilt = "0"
    ds.ContrastBolusAgent = ""
    ds.ProtocolName = "Chest"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -1024, 1, "HU"
    ds.WindowCenter, ds.WindowWidth = [-500, 40], [1500, 400]
    ds.WindowCenterWidthExplanation = ["LUNG", "MEDIASTINUM"]


def _mr(study: StudySpec, folder: Path, taken: dt.datetime) -> list[Path]:
    """Write a brain MR: a T1 and a T2 series."""
    head = brain.Brain(study.seed, int(study.findings.get("lesions", 0)), study.findings.get("atrophy", 0.0))
    paths = []
    for series, (name, weights, repetition, echo) in enumerate((("T1", brain.T1, 520, 11), ("T2", brain.T2, 4600, 96)), 1):
        volume = head.volume(weights, MR_SLICES, MR_SIZE, MR_SPACING, MR_GAP)
        for i, plane in enumerate(np.clip(volume, 0, 4095).astype(np.uint16)):
            ds = study_object(study, taken, series, i + 1)
            ds.SeriesDescription = f"{name} axial"
            _mr_modules(ds, name, repetition, echo)
            put_plane(ds, (*_corner(MR_SIZE, MR_SPACING), 74.0 - i * MR_GAP), MR_SPACING, 5.0)
            put_pixels(ds, plane, 12)
            paths.append(write(ds, folder))
    return paths


def _mr_modules(ds: Dataset, name: str, repetition: int, echo: int) -> None:
    """Fill the MR Image module (PS3.3 C.8.3.1); times in ms."""
    ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    ds.AcquisitionNumber = 1
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "SE", "SK" if name == "T2" else "NONE", ""
    ds.MRAcquisitionType = "2D"
    ds.RepetitionTime, ds.EchoTime, ds.EchoTrainLength = repetition, echo, 15 if name == "T2" else 1
    ds.MagneticFieldStrength, ds.FlipAngle, ds.SpacingBetweenSlices = "1.5", "90", MR_GAP
    ds.InPlanePhaseEncodingDirection = "ROW"
    ds.ProtocolName = f"{name} axial"
    ds.WindowCenter, ds.WindowWidth = (480, 960) if name == "T1" else (750, 1500)


def _cr(study: StudySpec, folder: Path, taken: dt.datetime) -> list[Path]:
    """Write a chest radiograph, 12 bit; the finding `inverted` stores it as MONOCHROME1."""
    inverted = bool(study.findings.get("inverted", 0))
    person = chest.Chest(study.seed, **{k: v for k, v in study.findings.items() if k != "inverted"})
    rng = np.random.default_rng(study.seed)
    density = chest.radiograph(person, CR_ROWS, CR_COLUMNS, CR_SPACING)
    grain = rng.normal(0, 9, (CR_ROWS, CR_COLUMNS)).astype(np.float32)
    pixels = np.clip(120 + density * 4400 + grain, 0, 4095).astype(np.uint16)
    ds = study_object(study, taken, 1, 1)
    ds.SeriesDescription = "PA"
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.ViewPosition = "PA"
    ds.PatientOrientation = ["L", "F"]
    ds.KVP, ds.AcquisitionNumber = "125", 1
    ds.CassetteOrientation, ds.PlateType = "PORTRAIT", "PHOSPHOR"
    ds.ImagerPixelSpacing = ds.PixelSpacing = [CR_SPACING, CR_SPACING]
    ds.WindowCenter, ds.WindowWidth = (4095 - 2250, 3300) if inverted else (2250, 3300)
    put_pixels(ds, 4095 - pixels if inverted else pixels, 12, "MONOCHROME1" if inverted else "MONOCHROME2")
    return [write(ds, folder)]


def _us(study: StudySpec, folder: Path, taken: dt.datetime) -> list[Path]:
    """Write an ultrasound cine loop (US Multi-frame, PS3.3 A.7); the finding `colour` stores it as RGB."""
    frames = heart.cine(study.seed, US_FRAMES, study.findings.get("squeeze", 0.28))
    colour = bool(study.findings.get("colour", 0))
    ds = study_object(study, taken, 1, 1)
    ds.SeriesDescription = "Apical four chamber"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
    ds.PatientOrientation = ""
    ds.NumberOfFrames = US_FRAMES
    ds.FrameIncrementPointer = 0x00181063
    ds.FrameTime, ds.CineRate, ds.RecommendedDisplayFrameRate = US_FRAME_MS, 30, 30
    ds.HeartRate = 60
    ds.UltrasoundColorDataPresent = 0
    ds.SequenceOfUltrasoundRegions = Sequence([_fan()])
    tinted = (frames[..., None] * np.array([1.0, 0.94, 0.82], np.float32)).astype(np.uint8) if colour else frames
    put_pixels(ds, tinted, 8, "RGB" if colour else "MONOCHROME2")
    return [write(ds, folder)]


def _fan() -> Dataset:
    """Describe the calibrated region of the ultrasound image (PS3.3 C.8.5.5): lengths in cm."""
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = heart.COLUMNS - 1, heart.ROWS - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 1 / heart.CENTIMETRE
    return region


_WRITERS: dict[Phantom, Callable[[StudySpec, Path, dt.datetime], list[Path]]] = {
    "ct-chest": _ct,
    "mr-brain": _mr,
    "cr-chest": _cr,
    "us-heart": _us,
}
