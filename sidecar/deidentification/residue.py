"""The last look: nothing that named the patient may stand in the file's own header, whatever the rules above did."""

import re
from dataclasses import dataclass
from io import BytesIO

from pydicom.dataset import Dataset

from sidecar.deidentification import identity

OURS = frozenset({"anonymized"})
"""What we write ourselves: who was anonymised before is called so already."""
BULK = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True, slots=True, repr=False)
class Before:
    """What the object said of its patient before: words, and UIDs unless those are retained."""

    words: frozenset[str]
    uids: frozenset[str]

    @classmethod
    def of(cls, dataset: Dataset, *, uids: bool) -> "Before":
        """Remember it."""
        return cls(identity.words_of(dataset) - OURS, identity.own_uids(dataset) if uids else frozenset())

    def survives_in(self, dataset: Dataset) -> bool:
        """Say whether any of it is still in the bytes that will be written, pixels aside."""
        header = Dataset()
        header.update({element.tag: element for element in dataset if element.keyword not in BULK})
        target = BytesIO()
        header.save_as(target, implicit_vr=True, little_endian=True)
        read = "\n".join(text for element in identity.elements(header) for text in identity.texts(element))
        text = f"{read}\n{target.getvalue().decode('latin-1')}".lower()
        return any(uid in text for uid in self.uids) or any(self._stands(word, text) for word in self.words)

    @staticmethod
    def _stands(word: str, text: str) -> bool:
        """Say whether a word stands by itself: inside of a longer one it is chance."""
        return word in text and re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", text) is not None
