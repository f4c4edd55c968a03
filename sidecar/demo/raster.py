"""Soft-edged shapes on coordinate grids: the brush of every phantom."""

from typing import Any

import numpy as np
import numpy.typing as npt

Grid = npt.NDArray[Any]  # floating point, of any precision


def axis(count: int, step: float) -> Grid:
    """Give `count` coordinates in mm, `step` apart, centred on zero."""
    return ((np.arange(count) - (count - 1) / 2) * step).astype(np.float32)


def ellipse(x: Grid, y: Grid, centre: tuple[float, float], half: tuple[float, float], soft: float = 0.8) -> Grid:
    """Give how much of each pixel lies in an axis-parallel ellipse, 0 to 1.

    `half` are the half axes and `soft` the width of the edge, all in mm: a hard edge would look like a drawing, a real
    detector averages over the pixel.
    """
    if min(half) <= 0:
        return np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    radius = np.sqrt(((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2)
    return np.clip((1 - radius) * (min(half) / soft) + 0.5, 0, 1).astype(np.float32)


def band(values: Grid, half: float, soft: float) -> Grid:
    """Give 1 where `values` is within `half` of zero, falling to 0 over `soft`."""
    return np.clip((half - np.abs(values)) / soft + 0.5, 0, 1).astype(np.float32)


def ramp(values: Grid | float, start: float, end: float) -> Grid:
    """Give a smooth step: 0 at `start`, 1 at `end`, in either direction."""
    t = np.clip((np.asarray(values, np.float32) - start) / (end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def paint(canvas: Grid, mask: Grid, value: float | Grid) -> None:
    """Mix `value` into `canvas` in place, as far as `mask` covers it."""
    canvas += mask * (value - canvas)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], wavelength: tuple[float, ...]) -> Grid:
    """Give band-limited noise (mean 0, deviation 1) whose bumps are about `wavelength` samples long."""
    spectrum = np.fft.rfftn(rng.standard_normal(shape, np.float32))
    lengths = [np.fft.fftfreq(n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    grid = np.meshgrid(*lengths, indexing="ij", sparse=True)
    cycles = sum((f * w) ** 2 for f, w in zip(grid, wavelength, strict=True))
    field = np.fft.irfftn(spectrum * np.exp(-((np.sqrt(cycles) - 1) ** 2) * 6), shape, axes=range(len(shape)))
    return np.asarray(field / field.std(), np.float32)
