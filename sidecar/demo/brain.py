# ruff: noqa: PLR0913, PLR0917, PLR2004 - anatomy is a table of millimetres
"""A head as two MR weightings: the weighting only decides how bright each tissue is."""

from dataclasses import dataclass

import numpy as np

from sidecar.demo.raster import Grid, axis, band, ellipse, paint, ramp, smooth_noise

# Signal of air, bone, fat, muscle, cerebrospinal fluid, grey matter, white matter, lesion (arbitrary units, 12 bit).
T1 = {
    "air": 8.0,
    "bone": 45.0,
    "fat": 980.0,
    "muscle": 430.0,
    "csf": 140.0,
    "grey": 450.0,
    "white": 760.0,
    "lesion": 400.0,
}
T2 = {
    "air": 8.0,
    "bone": 40.0,
    "fat": 820.0,
    "muscle": 210.0,
    "csf": 1500.0,
    "grey": 640.0,
    "white": 430.0,
    "lesion": 980.0,
}


@dataclass(frozen=True)
class Brain:
    """One person's head: `lesions` small ones in the white matter, `atrophy` (mm) widens sulci and ventricles."""

    seed: int
    lesions: int = 0
    atrophy: float = 0.0

    def volume(self, weighting: dict[str, float], count: int, size: int, spacing: float, gap: float) -> Grid:
        """Give `count` axial slices (slice, row, column) from the vertex down, `gap` mm between their centres."""
        x, y = axis(size, spacing)[None, :], axis(size, spacing)[:, None]
        folds = self._folds(count, size, spacing, gap)
        rng = np.random.default_rng(self.seed + 7)
        spots = rng.normal(0, 1, (self.lesions, 4)) * (22, 26, 16, 1) + (0, 4, 22, 0)
        shade = 1 + 0.06 * smooth_noise(rng, (size, size), (size, size))
        planes = np.empty((count, size, size), np.float32)
        for i in range(count):
            z = 74 - i * gap
            planes[i] = self._plane(x, y, z, folds[i], spots, weighting) * shade
        noise = rng.normal(0, 14, (2, *planes.shape)).astype(np.float32)
        return np.asarray(np.hypot(planes + noise[0], noise[1]), np.float32)

    def _folds(self, count: int, size: int, spacing: float, gap: float) -> Grid:
        """Give a smooth field whose zero crossings become the sulci, continuous from slice to slice."""
        rng = np.random.default_rng(self.seed)
        depth = 2 ** int(np.ceil(np.log2(count)))
        field = smooth_noise(rng, (depth, size, size), (38 / gap, 25 / spacing, 25 / spacing))
        return field[:count]

    def _plane(self, x: Grid, y: Grid, z: float, fold: Grid, spots: Grid, tissue: dict[str, float]) -> Grid:
        """Draw one axial slice at `z` mm above the basal ganglia."""
        plane = np.full(np.broadcast_shapes(x.shape, y.shape), tissue["air"], np.float32)
        dome = max(1 - (max(z, -12) + 12) ** 2 / 104**2, 0.0) ** 0.5
        a, b = 80 * dome, 98 * dome
        for inset, name in (
            (0, "muscle"),
            (1.2, "fat"),
            (3.6, "muscle" if z < 0 else "bone"),
            (5.5, "bone"),
            (9.5, "csf"),
        ):
            paint(plane, ellipse(x, y, (0, 0), (a - inset, b - inset)), tissue[name])
        for shape in self._hemispheres(x, y, z, (a - 11.5, b - 11.5)):
            self._cortex(plane, shape, fold, tissue)
        if z < -22:
            self._base(plane, x, y, z, tissue)
        self._deep(plane, x, y, z, tissue)
        for sx, sy, sz, _ in spots:
            reach = max(16 - (z - sz) ** 2, 0) ** 0.5
            side = 1 if sx > 0 else -1
            paint(plane, ellipse(x, y, (sx + side * 20, sy), (reach, reach * 0.7), 1.5), tissue["lesion"])
        return plane

    def _hemispheres(self, x: Grid, y: Grid, z: float, half: tuple[float, float]) -> list[Grid]:
        """Give the distance into each half of the cerebrum, in mm; negative outside."""
        a, b = half
        if min(a, b) <= 4:
            return []
        radius = np.sqrt((x / a) ** 2 + (y / b) ** 2)
        inside = (1 - radius) * min(a, b)
        below = np.where((y > 26) & (z < -26), -9.0, 99.0)
        return [np.minimum(np.minimum(inside, x * side - 1.0 - self.atrophy), below).astype(np.float32) for side in (-1, 1)]

    def _cortex(self, plane: Grid, inside: Grid, fold: Grid, tissue: dict[str, float]) -> None:
        """Paint white matter, the folded ribbon of grey matter, and fluid in the sulci."""
        slope = np.hypot(*np.gradient(fold)) + 0.03
        crossing = np.abs(fold) / slope
        reach = ramp(inside, 27, 17)
        sulcus = np.clip((1.0 + self.atrophy - crossing) / 1.4 + 0.3, 0, 1) * ramp(inside, 21, 13)
        ribbon = np.maximum(np.clip((4.4 - crossing) / 1.2, 0, 1) * reach, ramp(inside, 4.6, 3.0))
        cover = np.clip(inside / 1.0 + 0.5, 0, 1).astype(np.float32)
        mix = tissue["white"] + ribbon * (tissue["grey"] - tissue["white"])
        mix = mix + sulcus * (tissue["csf"] - mix)
        paint(plane, cover, mix.astype(np.float32))

    def _deep(self, plane: Grid, x: Grid, y: Grid, z: float, tissue: dict[str, float]) -> None:
        """Paint basal ganglia, thalami, and the ventricles."""
        wide = 1 + 0.5 * self.atrophy
        core = float(ramp(z, -20, -8) * ramp(z, 26, 14))
        body = float(ramp(z, -6, 4) * ramp(z, 40, 30))
        for side in (-1, 1):
            for centre, half in (((10, 6), (8, 13)), ((24, -6), (7, 16)), ((12, -20), (5.5, 9))):
                paint(plane, ellipse(x, y, (side * centre[0], centre[1]), half, 2.5) * core, tissue["grey"])
            lean = x * side - 5.5 - (y + 4) ** 2 * 0.0095
            horn = band(lean, 4.0 * wide, 1.6) * band(y + 4, 33 - abs(z - 18) * 0.4, 7)
            spare = band(y - 2, 9, 3) * float(ramp(z, 20, 10))
            paint(plane, np.asarray(horn * (1 - spare) * body, np.float32), tissue["csf"])
        third = band(x, 1.6 * wide, 1) * band(y - 4, 12, 3) * core
        paint(plane, np.asarray(third, np.float32), tissue["csf"])
        callosum = band(np.abs(y + 2) - 34, 4, 2) * band(x, 13, 4) * float(ramp(z, 4, 12) * ramp(z, 34, 26))
        paint(plane, np.asarray(callosum, np.float32), tissue["white"])

    def _base(self, plane: Grid, x: Grid, y: Grid, z: float, tissue: dict[str, float]) -> None:
        """Paint the posterior fossa, and face and orbits in front of it."""
        low = float(ramp(z, -20, -32))
        paint(plane, ellipse(x, y, (0, 46), (54, 40), 2) * low, tissue["csf"])
        for side in (-1, 1):
            leaf = band(np.sin((np.hypot(x - side * 8, y - 20)) * 1.15), 0.5, 0.7)
            lobe = ellipse(x, y, (side * 25, 52), (26 - (z + 50) ** 2 / 90, 29), 2) * low
            paint(plane, lobe, np.asarray(tissue["grey"] + leaf * (tissue["white"] - tissue["grey"]) * 0.5, np.float32))
            paint(plane, ellipse(x, y, (side * 46, 4), (26, 30), 3) * float(ramp(z, -40, -52)), tissue["muscle"])
            paint(plane, ellipse(x, y, (side * 31, -62), (19, 24), 2) * float(ramp(z, -26, -34)), tissue["fat"])
            globe = max(13.0**2 - (z + 42) ** 2, 0) ** 0.5
            paint(plane, ellipse(x, y, (side * 31, -68), (globe, globe), 1), tissue["csf"])
            paint(
                plane,
                np.asarray(band(x * side - 31, 1.6, 2) * band(y + 46, 9, 2) * float(ramp(z, -36, -40)), np.float32),
                tissue["muscle"],
            )
        paint(plane, ellipse(x, y, (0, 18), (16, 14), 2) * low, tissue["white"])
        paint(plane, ellipse(x, y, (0, 34), (6, 4.5), 1.5) * low, tissue["csf"])
        paint(plane, ellipse(x, y, (0, -62), (13, 24), 3) * low, tissue["air"])
        paint(plane, np.asarray(band(x, 1.2, 1) * band(y + 62, 22, 2) * low, np.float32), tissue["muscle"])
