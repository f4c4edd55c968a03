"""Orders: what a hospital has scheduled, as IHE Scheduled Workflow names it; offered to its modalities, matched to its studies.

One row is one Requested Procedure with its one Scheduled Procedure Step (DICOM PS3.3 C.4.10, C.4.11).
"""
