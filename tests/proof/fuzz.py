"""20,000 mutated images and 10,000 mutated requests."""

import os
import sys

from tests.proof._run import prove

if __name__ == "__main__":
    os.environ |= {"RR_FUZZ_IMAGES": os.environ.get("RR_FUZZ_IMAGES", "20000")}
    os.environ |= {"RR_FUZZ_REQUESTS": os.environ.get("RR_FUZZ_REQUESTS", "10000")}
    sys.exit(
        prove(
            "fuzz",
            tests=["tests/doors/test_fuzz.py"],
            how="mutants of good images by C-STORE and STOW-RS, mutants of good requests at the gate of the own and of the other "
            "hospital's cell; the same processes after, not larger, no 5xx, no mark of the other hospital, its rows and files "
            "unchanged, a good image still taken",
        )
    )
