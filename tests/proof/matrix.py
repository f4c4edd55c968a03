"""Every route of the archive, of the sidecar and every DICOM service, as everybody, for own, foreign and unknown things."""

import sys

from tests.proof._run import prove

if __name__ == "__main__":
    sys.exit(
        prove(
            "matrix",
            tests=["tests/doors/test_isolation.py", "tests/service/test_matrix.py", "tests/doors/test_dimse_matrix.py"],
            how="two hospitals with equal identifiers; each route of Orthanc and its plugins by five roles, a reading context, "
            "nobody and the platform, at the own and at the other's cell, for own, only-theirs and unknown ids; each route of "
            "the sidecar's URL map by all roles of the owner and of others; nine DICOM services by seven identities. Expected "
            "status, no mark of the other hospital in any body, header or archive member, foreign answered like unknown, the "
            "other's rows and files unchanged. The tables: isolation-archive.csv, isolation-sidecar.csv, "
            "isolation-sidecar-roles.csv",
        )
    )
