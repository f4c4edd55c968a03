"""Room for deep recursion in Orthanc's HTTP threads.

DCMTK reads nested sequences by calling itself. CivetWeb gives each of its threads a stack of 100 KB, which about fifty levels
use up: a file that C-STORE accepts (Orthanc's limit is 64) ended the whole process as soon as somebody looked at it. CivetWeb
asks for that size by pthread_attr_setstacksize (pthread_attr_setstacksize(3)); its table of imported functions (System V ABI,
ELF: relocations of the procedure linkage table) is changed to name pthread_attr_setguardsize instead, which takes the same
arguments. Its threads then get the process' usual size: RLIMIT_STACK, which the sidecar sets when it starts a cell.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

LIBRARY = "libcivetweb.so"
ASKED, GIVEN = "pthread_attr_setstacksize", "pthread_attr_setguardsize"
DYNAMIC_SEGMENT = 2
PLT_SIZE, STRINGS, SYMBOLS, RELOCATIONS, RELOCATIONS_SIZE, PLT = 2, 5, 6, 7, 8, 23
"""Kinds of entries in the dynamic section (DT_…)."""
READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE


def deepen() -> bool:
    """Let CivetWeb's threads have the usual stack. Call it before Orthanc opens its HTTP port; False: it was not found."""
    library = ctypes.CDLL(None, use_errno=True)
    replacement = ctypes.cast(getattr(library, GIVEN), ctypes.c_void_p).value
    slots = [slot for slot, name in _imports() if name == ASKED]
    for slot in slots:
        page = slot & -mmap.PAGESIZE
        if library.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(2 * mmap.PAGESIZE), READ_WRITE) != 0:
            return False
        ctypes.c_void_p.from_address(slot).value = replacement
    return bool(slots)


def _imports() -> Iterator[tuple[int, str]]:
    """Yield the address of each slot of the library's import tables, and the name of what it points to."""
    found = _loaded()
    if found is None:
        return
    path, base = found
    dynamic = _dynamic(path)
    for table, size in ((PLT, PLT_SIZE), (RELOCATIONS, RELOCATIONS_SIZE)):
        if table not in dynamic:
            continue
        content = ctypes.string_at(base + dynamic[table], dynamic[size])
        for offset, info, _addend in struct.iter_unpack("<QQq", content):
            symbol = ctypes.string_at(base + dynamic[SYMBOLS] + 24 * (info >> 32), 4)
            name = ctypes.string_at(base + dynamic[STRINGS] + struct.unpack("<I", symbol)[0])
            yield base + offset, name.decode("ascii", "replace")


def _loaded() -> tuple[Path, int] | None:
    """Return the library's file and where it begins in memory."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        words = line.split(maxsplit=5)
        if len(words) == 6 and Path(words[5]).name.startswith(LIBRARY) and int(words[2], 16) == 0:  # noqa: PLR2004
            return Path(words[5]), int(words[0].split("-")[0], 16)
    return None


def _dynamic(path: Path) -> dict[int, int]:
    """Return the dynamic section of a 64-bit ELF file: kinds of entries to addresses (from the beginning) or sizes."""
    content = path.read_bytes()
    headers, size, count = struct.unpack_from("<Q", content, 32)[0], *struct.unpack_from("<HH", content, 54)
    for number in range(count):
        kind, _flags, offset, _virtual, _physical, length = struct.unpack_from("<IIQQQQ", content, headers + number * size)
        if kind == DYNAMIC_SEGMENT:
            return dict(struct.iter_unpack("<QQ", content[offset : offset + length - length % 16]))
    return {}
