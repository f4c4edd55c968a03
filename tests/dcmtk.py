"""DCMTK's programs by their whole path: an activated environment has pynetdicom's of the same names before them."""

import shutil

PLACES = "/usr/bin:/bin:/usr/local/bin"


def path_of(name: str) -> str:
    """Return the path of one of DCMTK's programs."""
    found = shutil.which(name, path=PLACES)
    assert found is not None, f"{name} is not installed (package dcmtk)"
    return found
