"""Cleaning descriptions (PS3.15 E.3.5): only words that describe examinations stay, whoever else may be called so.

A list of what may stay is the only list that can be complete: nobody can list all names.
"""

import re
from pathlib import Path

WORDS = frozenset(Path(__file__).with_name("vocabulary.txt").read_text().split())
PARTS = re.compile(r"[A-Za-z0-9]+")


def cleaned(text: str, identity: frozenset[str]) -> str:
    """Return the describing words of a text in their order, none of which names the patient; "" when none is left.

    ``identity``: lower-case words of names and identifiers in the same object. Ms Brain's "brain" goes.
    """
    words = PARTS.findall(text)
    return " ".join(word for word in words if word.lower() in WORDS and word.lower() not in identity)
