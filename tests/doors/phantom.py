"""DICOM files and how to send them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from tests.dcmtk import path_of


def image(size: int = 32, seed: int = 0, **elements: Any) -> Dataset:
    """A CT image with noise for pixels; elements by keyword override the defaults."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.PatientID, dataset.PatientName = "P-1", "Müller^Änne"
    dataset.PatientBirthDate, dataset.PatientSex = "19700102", "F"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20260102", "101112", "1"
    dataset.AccessionNumber, dataset.StudyDescription = "A1", "CT chest"
    dataset.ReferringPhysicianName = "Doe^Jane"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 1, 1
    dataset.SeriesDescription, dataset.BodyPartExamined = "axial", "CHEST"
    dataset.Rows = dataset.Columns = size
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    pixels = np.random.default_rng(seed).integers(0, 4096, (size, size), dtype="<u2")
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def study(count: int, *, size: int = 32, **elements: Any) -> list[Dataset]:
    """A study of one series."""
    uids: dict[str, Any] = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), **elements}
    return [image(size, seed=number, InstanceNumber=number + 1, **uids) for number in range(count)]


def write(directory: Path, datasets: list[Dataset]) -> list[Path]:
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for number, dataset in enumerate(datasets):
        file = directory / f"{number:04}-{dataset.SOPInstanceUID}.dcm"
        dataset.save_as(file, enforce_file_format=True)
        files.append(file)
    return files


def storescu(port: int, files: list[Path], *, calling: str = "CT1", called: str = "MERCY") -> subprocess.CompletedProcess[str]:
    """Send with DCMTK; the output names the status of each image."""
    command = [path_of("storescu"), "-v", "-aet", calling, "-aec", called, "127.0.0.1", str(port), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={"TCP_NODELAY": "1"})
    done.stdout += done.stderr
    return done


def dcmsend(port: int, files: list[Path]) -> subprocess.CompletedProcess[str]:
    """Send with DCMTK's dcmsend, which proposes whatever SOP class a file names."""
    command = [
        path_of("dcmsend"),
        "-v",
        "--no-uid-checks",
        "-aet",
        "CT1",
        "-aec",
        "MERCY",
        "127.0.0.1",
        str(port),
        *map(str, files),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    done.stdout += done.stderr
    return done
