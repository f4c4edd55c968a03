"""Writing from right to left, as far as a report needs it: Arabic letters joined, lines put into visual order.

This is the Unicode bidirectional algorithm (UAX #9) without explicit embeddings and isolates, and Arabic joining by the
presentation forms of Unicode (U+FB50 to U+FEFF). Not done: explicit direction marks, ligatures beyond lam-alef, Indic reordering.
"""

import unicodedata
from collections.abc import Iterator

MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
TATWEEL = "\u0640"
STRONG = {"L": "L", "R": "R", "AL": "R"}


def _presentation_forms() -> dict[str, dict[str, str]]:
    """Return {letter or lam-alef pair: {"initial"|"medial"|"final"|"isolated": its drawn form}} from Unicode's own data."""
    forms: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFE00), *range(0xFE70, 0xFF00)):
        kind, *letters = unicodedata.decomposition(chr(code)).split() or [""]
        source = "".join(chr(int(letter, 16)) for letter in letters)
        if kind.strip("<>") in ("initial", "medial", "final", "isolated") and _joinable(source):
            forms.setdefault(source, {}).setdefault(kind.strip("<>"), chr(code))
    return forms


def _joinable(source: str) -> bool:
    return len(source) == 1 or (len(source) == 2 and source[0] == "\u0644" and source[1] in "\u0622\u0623\u0625\u0627")  # noqa: PLR2004


FORMS = _presentation_forms()


def shape(text: str) -> str:
    """Return Arabic letters in the forms their neighbours ask for; everything else unchanged. Logical order stays."""
    letters = list(_clusters_of_letters(text))
    out = []
    for index, letter in enumerate(letters):
        before = index > 0 and _joins_next(_bare(letters, index, -1))
        after = _joins_previous(_bare(letters, index, 1)) and _joins_next(letter)
        kind = {(True, True): "medial", (True, False): "final", (False, True): "initial", (False, False): "isolated"}
        out.append(FORMS.get(letter, {}).get(kind[before, after], letter))
    return "".join(out)


def _clusters_of_letters(text: str) -> Iterator[str]:
    """Walk over characters, lam-alef taken as one."""
    index = 0
    while index < len(text):
        size = 2 if text[index : index + 2] in FORMS and len(text) > index + 1 else 1
        yield text[index : index + size]
        index += size


def _bare(letters: list[str], index: int, step: int) -> str:
    """Return the neighbour that is no vowel mark, "" at the end."""
    index += step
    while 0 <= index < len(letters) and unicodedata.category(letters[index][0]) == "Mn":
        index += step
    return letters[index] if 0 <= index < len(letters) else ""


def _joins_next(letter: str) -> bool:
    return letter == TATWEEL or "initial" in FORMS.get(letter, {})


def _joins_previous(letter: str) -> bool:
    return letter == TATWEEL or "final" in FORMS.get(letter, {})


def runs_right_to_left(paragraph: str) -> bool:
    """Return the paragraph's direction: that of its first strong character (UAX #9, P2 and P3)."""
    for char in paragraph:
        strong = STRONG.get(unicodedata.bidirectional(char))
        if strong:
            return strong == "R"
    return False


def visual(line: str, *, right_to_left: bool) -> str:
    """Return one line in the order in which it is drawn from left to right (UAX #9, simplified)."""
    clusters = _clusters(line)
    levels = _levels([cluster[0] for cluster in clusters], right_to_left=right_to_left)
    cells = [cluster.translate(MIRRORED) if level % 2 else cluster for cluster, level in zip(clusters, levels, strict=True)]
    for level in range(max(levels, default=0), 0, -1):
        _reverse_runs(cells, levels, level)
    return "".join(cells)


def _clusters(line: str) -> list[str]:
    """Keep marks with their letter, so that turning a run around does not move them to the next one."""
    clusters: list[str] = []
    for char in line:
        if clusters and unicodedata.category(char) == "Mn":
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _levels(chars: list[str], *, right_to_left: bool) -> list[int]:
    """Return each character's embedding level: even is left to right, odd is right to left."""
    base = "R" if right_to_left else "L"
    kinds = _kinds(chars, base)
    low = 1 if right_to_left else 0
    above = {"L": 2 if right_to_left else 0, "R": 1, "N": 2}
    resolved = _neutrals(kinds, base)
    return [above.get(kind, low) for kind in resolved]


def _kinds(chars: list[str], base: str) -> list[str]:
    """Return L, R, N (a number in right-to-left text) or "" (neutral) per character."""
    kinds, strong = [], base
    classes = [unicodedata.bidirectional(char) for char in chars]
    for index, each in enumerate(classes):
        separator = each in ("CS", "ES") and 0 < index < len(classes) - 1
        if each in STRONG:
            strong = STRONG[each]
            kinds.append(strong)
        elif each in ("EN", "AN") or (separator and classes[index - 1] == classes[index + 1] in ("EN", "AN")):
            kinds.append("N" if strong == "R" else "L")
        else:
            kinds.append("")
    return kinds


def _neutrals(kinds: list[str], base: str) -> list[str]:
    """Give neutrals the direction of both neighbours when these agree, else the paragraph's (N1, N2)."""
    out = list(kinds)
    index = 0
    while index < len(out):
        if out[index]:
            index += 1
            continue
        end = index
        while end < len(out) and not kinds[end]:
            end += 1
        left = _side(out[index - 1]) if index else base
        right = _side(kinds[end]) if end < len(out) else base
        out[index:end] = [left if left == right else base] * (end - index)
        index = end
    return out


def _side(kind: str) -> str:
    return "R" if kind == "N" else kind


def _reverse_runs(cells: list[str], levels: list[int], level: int) -> None:
    start = None
    for index in range(len(cells) + 1):
        inside = index < len(cells) and levels[index] >= level
        if inside and start is None:
            start = index
        elif not inside and start is not None:
            cells[start:index] = reversed(cells[start:index])
            levels[start:index] = reversed(levels[start:index])
            start = None
