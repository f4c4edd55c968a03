"""Every route of the sidecar by eight strangers: another's thing answers exactly like a thing that does not exist."""

import sys

from tests.proof._run import prove

if __name__ == "__main__":
    sys.exit(
        prove(
            "matrix",
            tests=["tests/service/test_matrix.py"],
            how="routes from the running URL map, each asked for another's id and for an unknown id by eight principals; status, "
            "headers and body must be equal apart from the id, and no canary may appear",
        )
    )
