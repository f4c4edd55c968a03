# ruff: noqa: PLR2004 - anatomy is a table of lengths
"""A beating heart as ultrasound sees it: an apical four-chamber view in a fan of speckle."""

import numpy as np

from sidecar.demo.raster import Grid, band, ellipse, ramp, smooth_noise

ROWS, COLUMNS = 480, 640
CENTIMETRE = 27.5  # pixels


def cine(seed: int, frames: int, squeeze: float = 0.28) -> np.ndarray:
    """Give `frames` images (frame, row, column; 8 bit) of one beat; `squeeze` is how far the ventricle narrows."""
    rng = np.random.default_rng(seed)
    x = (np.arange(COLUMNS, dtype=np.float32) - COLUMNS / 2)[None, :]
    y = (np.arange(ROWS, dtype=np.float32) - 14)[:, None]
    depth, angle = np.hypot(x, y), np.arctan2(x, y)
    fan = band(angle, 0.66, 0.01) * ramp(depth, 18, 22) * ramp(depth, 452, 448)
    patchy = np.exp(0.35 * smooth_noise(rng, (ROWS, COLUMNS), (70, 110)))
    beat = [contraction(i / frames) for i in range(frames)]
    tissue = speckle(rng, depth, angle)
    out = np.empty((frames, ROWS, COLUMNS), np.uint8)
    for i, b in enumerate(beat):
        shimmer = 0.8 * tissue + 0.2 * np.roll(tissue, (3 * (i % 5), 2 * (i % 7)), (0, 1))
        echo = reflectivity(x, y, b, squeeze) * patchy * np.exp(-depth / 900)
        decibels = 20 * np.log10(np.maximum(echo * shimmer, 1e-4))
        out[i] = (np.clip((decibels + 44) / 44, 0, 1) * 235 * fan).astype(np.uint8)
    return out


def contraction(phase: float) -> float:
    """Give how contracted the ventricles are, 0 to 1, at a point of the beat (0 to 1)."""
    return float(np.sin(np.pi * phase / 0.38) ** 2 if phase < 0.38 else 0.12 * np.sin(np.pi * (phase - 0.38) / 0.62) ** 2)


def speckle(rng: np.random.Generator, depth: Grid, angle: Grid) -> Grid:
    """Give Rayleigh speckle that lives in the beam's coordinates: fine along the beam, wider across it."""
    real, imaginary = (smooth_noise(rng, (512, 256), (3.2, 2.2)) for _ in range(2))
    field = np.hypot(real, imaginary) / 1.25
    rows = np.clip(depth, 0, 511).astype(int)
    columns = np.clip((angle + 0.7) / 1.4 * 255, 0, 255).astype(int)
    return np.asarray(field[rows, columns], np.float32)


def reflectivity(x: Grid, y: Grid, beat: float, squeeze: float) -> Grid:
    """Give how strongly each point echoes: muscle bright, blood dark, valves and pericardium brightest."""
    narrow, short = 1 - squeeze * beat, 1 - 0.10 * beat
    left, right = (46.0, 178.0), (-44.0, 186.0)
    base = 262 - 16 * beat
    view = np.full(np.broadcast_shapes(x.shape, y.shape), 0.030, np.float32)
    for centre, half in ((left, (70, 122)), (right, (56, 108))):
        wall = ellipse(x, y, centre, half, 6)
        view = view + wall * (0.34 - view)
        rim = band((np.hypot((x - centre[0]) / half[0], (y - centre[1]) / half[1]) - 1) * half[0], 3, 3)
        view = np.maximum(view, rim * 0.62 * (y < base))
    for cx in (48.0, -44.0):
        atrium = ellipse(x, y, (cx, base + 58), (50 + 5 * beat, 50), 6)
        shell = ellipse(x, y, (cx, base + 58), (60, 60), 6)
        view = view + shell * (0.36 - view)
        view = view + atrium * (0.010 - view)
    for centre, inner in ((left, (48 * narrow, 98 * short)), (right, (36 * narrow, 82 * short))):
        cavity = ellipse(x, y, (centre[0], base - inner[1] + 4), inner, 6)
        view = view + cavity * (0.010 - view)
    return np.maximum(view, leaflets(x, y, base, beat)).astype(np.float32)


def leaflets(x: Grid, y: Grid, base: float, beat: float) -> Grid:
    """Give mitral and tricuspid valve: closed while the ventricles contract, hanging into them otherwise."""
    opening = 0.0 if beat > 0.2 else 1 - beat / 0.2
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    for centre, reach in ((48.0, 34.0), (-44.0, 28.0)):
        for side in (-1, 1):
            along = (x - centre) * side
            hang = base - 2 - opening * (reach - along) * 1.1 - (1 - opening) * (reach - along) * 0.12
            gap = opening * 14
            leaf = band(y - hang, 2.4, 2) * (along > gap) * (along < reach + 8)
            total = np.maximum(total, leaf * 0.9)
    return np.asarray(total, np.float32)
