# ruff: noqa: PLR0913, PLR0917, PLR2004 - anatomy is a table of millimetres
"""A chest in Hounsfield units, as a function of position: the CT slices and the radiograph are both taken of it.

Coordinates are the patient's (LPS, mm): x to the left, y to the back, z to the head; z = 0 is at the carina.
"""

from dataclasses import dataclass, field

import numpy as np

from sidecar.demo.raster import Grid, axis, band, ellipse, paint, ramp

AIR, LUNG, FAT, MUSCLE, BLOOD, LIVER, MARROW, CORTEX = -1000.0, -855.0, -95.0, 48.0, 62.0, 70.0, 190.0, 620.0
RIB_PITCH, RIB_FALL = 25.0, 84.0


@dataclass(frozen=True)
class Vessels:
    """Pulmonary branches as beads: position and radius in mm."""

    x: Grid
    y: Grid
    z: Grid
    radius: Grid


@dataclass(frozen=True)
class Chest:
    """One person's chest. `nodule` is its diameter in mm (0: none); `opacity` thickens the right lower lobe, 0 to 1."""

    seed: int
    girth: float = 1.0
    nodule: float = 0.0
    opacity: float = 0.0
    effusion: float = 0.0
    nodule_at: tuple[float, float, float] = field(default=(-88.0, -30.0, 42.0), init=False)
    vessels: Vessels = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "vessels", grow_vessels(np.random.default_rng(self.seed)))

    def hounsfield(self, x: Grid, y: Grid, z: float) -> Grid:
        """Give the axial plane at height `z` over the grids `x` (row vector) and `y` (column vector)."""
        plane = np.full(np.broadcast_shapes(x.shape, y.shape), AIR, np.float32)
        self._wall(plane, x, y, z)
        self._bones(plane, x, y, z)
        self._lungs(plane, x, y, z)
        self._mediastinum(plane, x, y, z)
        self._spine(plane, x, y, z)
        self._nodule(plane, x, y, z)
        return plane

    def _wall(self, plane: Grid, x: Grid, y: Grid, z: float) -> None:
        """Paint skin, fat and the muscles around the cage."""
        width, depth = self._outline(z)
        paint(plane, ellipse(x, y, (0, 4), (width, depth)), FAT)
        inner = ellipse(x, y, (0, 4), (width - 7, depth - 6), 2)
        cage_x, cage_y = cage(z)
        paint(plane, ellipse(x, y, (0, 4), (cage_x + 17, cage_y + 13), 2) * inner, MUSCLE)
        for side in (-1, 1):
            paint(plane, ellipse(x, y, (side * 34, cage_y + 12), (27, 14), 2) * inner, MUSCLE)
            paint(plane, ellipse(x, y, (side * (cage_x + 6), 58), (21, 30), 3) * inner * float(ramp(z, -90, -10)), MUSCLE)
            paint(plane, ellipse(x, y, (side * 70, -cage_y - 2), (56, 15), 3) * inner * float(ramp(z, -30, 30)), MUSCLE)

    def _outline(self, z: float) -> tuple[float, float]:
        """Give the half axes of the skin at height `z`: the shoulders slope into the neck."""
        neck = float(ramp(z, 118, 165))
        return (170 * (1 - neck) + 62 * neck) * self.girth, (112 * (1 - neck) + 66 * neck) * self.girth

    def _bones(self, plane: Grid, x: Grid, y: Grid, z: float) -> None:
        """Paint scapulae, clavicles, ribs and sternum."""
        for side in (-1, 1):
            self._scapula(plane, x, y, z, side, 34 * float(ramp(z, 110, 20)) + 4)
            self._clavicle(plane, x, y, z, side)
        self._ribs(plane, x, y, z)
        cage_y = cage(z)[1]
        sternum = float(ramp(z, -95, -80) * ramp(z, 85, 70))
        bone(plane, ellipse(x, y, (0, 4 - cage_y - 7), (19 if z > 45 else 14, 7)) * sternum)

    def _scapula(self, plane: Grid, x: Grid, y: Grid, z: float, side: int, back: float) -> None:
        """Paint a shoulder blade as a thin slanted plate behind the ribs."""
        reach = float(ramp(z, -40, -10) * ramp(z, 128, 112))
        if reach == 0:
            return
        along = (x * side - 112) * 0.80 - (y - 62 - back * 0.2) * 0.60
        across = (x * side - 112) * 0.60 + (y - 62 - back * 0.2) * 0.80
        plate = band(along, 33, 2) * band(across, 3.4, 1.2) * reach
        paint(plane, plate, CORTEX * 0.75)

    def _clavicle(self, plane: Grid, x: Grid, y: Grid, z: float, side: int) -> None:
        """Paint a collar bone: an S from the sternum to the shoulder, rising sideways."""
        out = (x * side - 18) / 122
        run = (out > 0) & (out < 1)
        if not run.any() or not 70 < z < 125:
            return
        height = 84 + 22 * out
        depth = -72 + 14 * np.sin(out * 6.0) + 34 * out
        distance = np.sqrt((z - height) ** 2 + (y - depth) ** 2)
        shape = np.clip((6.4 - distance) / 1.0 + 0.5, 0, 1) * run
        bone(plane, shape.astype(np.float32))

    def _ribs(self, plane: Grid, x: Grid, y: Grid, z: float) -> None:
        """Paint the ribs: each falls from the spine to the front, so a slice cuts several of them obliquely."""
        cage_x, cage_y = cage(z)
        if z > 132:
            return
        radius = np.sqrt((x / (cage_x + 6)) ** 2 + ((y - 4) / (cage_y + 6)) ** 2)
        angle = np.arctan2(np.abs(x), y - 4)
        drop = RIB_FALL * (angle / np.pi) ** 0.85
        top = z + drop - 112
        phase = top - RIB_PITCH * np.round(top / RIB_PITCH)
        number = np.round(-top / RIB_PITCH)
        shell = band((radius - 1) * min(cage_x, cage_y), 4.6, 1.2)
        present = band(phase, 6.2, 1.6) * (number >= 0) * (number <= 11)
        floating = np.where(number >= 10, angle < 1.6, angle < 2.55)
        shape = (shell * present * floating).astype(np.float32)
        paint(plane, shape, CORTEX)
        inside = band((radius - 1) * min(cage_x, cage_y), 2.4, 1.2) * band(phase, 4.0, 1.6) * (shape > 0.5)
        paint(plane, inside.astype(np.float32), MARROW)

    def _lungs(self, plane: Grid, x: Grid, y: Grid, z: float) -> None:
        """Paint both lungs over the domes of the diaphragm, and what lies under them."""
        for side in (-1, 1):
            lung = self._lung(x, y, z, side)
            under = self._below(x, y, z, side)
            paint(plane, lung, LIVER if side < 0 else MUSCLE + 6)
            air = lung * (1 - under)
            gravity = (y - 20) * 0.35
            paint(plane, air, LUNG + gravity)
            if side < 0 and self.opacity:
                spot = ellipse(x, y, (-66, 40), (38, 34), 22) * float(ramp(z, -75, -40) * ramp(z, 20, -15))
                paint(plane, spot * air, LUNG + self.opacity * 820)
            if side < 0 and self.effusion:
                level = ramp(y, 66 - self.effusion * 40, 72 - self.effusion * 40) * float(ramp(z, 10, -30))
                paint(plane, level * air, 8.0)
            self._branches(plane, air, x, y, z, side)
        gas = ellipse(x, y, (62, -18), (30, 18)) * float(ramp(z, -86, -98) * ramp(z, -128, -112))
        paint(plane, gas * self._below(x, y, z, 1), AIR)

    def _lung(self, x: Grid, y: Grid, z: float, side: int) -> Grid:
        """Give one pleural cavity in the slice, air or not."""
        cage_x, cage_y = cage(z)
        shape = ellipse(x, y, (0, 4), (cage_x, cage_y)) * (x * side > 0)
        middle = ellipse(x, y, (0, 8), (27 + 6 * float(ramp(z, 30, -10)), 46), 3)
        front = band(x - side * 3, 5, 3) * (y < 20)
        groove = ellipse(x, y, (0, cage_y - 2), (31, 42), 2)
        shape = shape * (1 - middle) * (1 - front) * (1 - groove)
        (hx, hy), (rx, ry) = heart_at(z)
        shape = shape * (1 - ellipse(x, y, (hx, hy), (rx + 3, ry + 3), 3))
        return np.asarray(shape * float(ramp(z, 126, 112)), np.float32)

    def _below(self, x: Grid, y: Grid, z: float, side: int) -> Grid:
        """Give where the dome of the diaphragm has risen above `z`; the sinus behind stays open longest."""
        height = -62.0 if side < 0 else -76.0
        dome = height - 78 * (
            ((x * side - 62) / 92) ** 2 + np.maximum(y + 8, 0) ** 2 / 96**2 + np.minimum(y + 8, 0) ** 2 / 190**2
        )
        return np.asarray(np.clip((dome - z) / 2.5 + 0.5, 0, 1), np.float32)

    def _branches(self, plane: Grid, air: Grid, x: Grid, y: Grid, z: float, side: int) -> None:
        """Draw the beads of the pulmonary branches that reach this slice, each on its own small patch."""
        beads = self.vessels
        near = np.flatnonzero((np.abs(beads.z - z) < beads.radius + 1.6) & (beads.x * side > 0))
        xs, ys = x.ravel(), y.ravel()
        for i in near:
            reach = float(np.sqrt(max(beads.radius[i] ** 2 - (beads.z[i] - z) ** 2, 0.3)))
            left, right = np.searchsorted(xs, (beads.x[i] - reach - 1.5, beads.x[i] + reach + 1.5))
            top, bottom = np.searchsorted(ys, (beads.y[i] - reach - 1.5, beads.y[i] + reach + 1.5))
            patch = np.s_[top:bottom, left:right]
            spot = ellipse(x[:, left:right], y[top:bottom], (beads.x[i], beads.y[i]), (reach, reach), 0.9)
            plane[patch] = np.maximum(plane[patch], LUNG + spot * air[patch] * (MUSCLE - LUNG) * 0.95)

    def _mediastinum(self, plane: Grid, x: Grid, y: Grid, z: float) -> None:
        """Paint heart, great vessels, airways and gullet into the fat of the middle."""
        if z < -84:
            cage_x, cage_y = cage(z)
            lobe = ellipse(x, y, (4, -14), (64, cage_y - 22), 6) * float(ramp(z, -82, -96))
            paint(plane, lobe * ellipse(x, y, (0, 4), (cage_x, cage_y)), LIVER)
        else:
            paint(plane, ellipse(x, y, (0, 8), (27, 46), 4) * float(ramp(z, 140, 120)), FAT * 0.7)
            paint(plane, np.asarray(band(x, 8, 3) * band(y + 40, 36, 4) * (z < 90), np.float32), FAT)
        centre, half = heart_at(z)
        paint(plane, ellipse(x, y, centre, half), MUSCLE)
        for (dx, dy), scale in (((-24, -4), 0.34), ((8, -18), 0.36), ((22, 12), 0.38), ((-4, 22), 0.3)):
            chamber = (centre[0] + dx * half[0] / 62, centre[1] + dy * half[1] / 44)
            paint(plane, ellipse(x, y, chamber, (half[0] * scale, half[1] * scale), 3), BLOOD + 38)
        for tube in tubes(z):
            paint(plane, ellipse(x, y, tube[0], (tube[1], tube[1])), tube[2])

    def _spine(self, plane: Grid, x: Grid, y: Grid, z: float) -> None:
        """Paint a vertebra or a disc, the canal, the arch with its processes."""
        phase = abs((z - 4) / 23 - round((z - 4) / 23))
        disc = phase > 0.42
        paint(plane, ellipse(x, y, (0, 78), (34, 26), 4), MUSCLE)
        body = ellipse(x, y, (0, 62), (17.5, 15))
        if disc:
            paint(plane, body, 85.0)
        else:
            bone(plane, body)
        arch = band(np.abs(x) - 11.5, 3.6, 1) * band(y - 82, 9, 1.5)
        spur = band(x, 2.8, 1) * band(y - 100, 13, 2)
        wing = band(np.abs(x) - 22, 14, 2) * band(y - 86 - np.abs(x) * 0.22, 4, 1.2) * (phase < 0.3)
        for shape in (arch, spur * (phase < 0.36), wing):
            paint(plane, np.asarray(shape, np.float32), CORTEX * 0.72)
        paint(plane, ellipse(x, y, (0, 82), (8.6, 7.6)), 28.0)

    def _nodule(self, plane: Grid, x: Grid, y: Grid, z: float) -> None:
        """Paint the nodule: a slightly lobed ball."""
        cx, cy, cz = self.nodule_at
        rest = (self.nodule / 2) ** 2 - (z - cz) ** 2
        if rest > 0:
            r = rest**0.5
            paint(plane, ellipse(x, y, (cx, cy), (r, r)), 38.0)
            paint(plane, ellipse(x, y, (cx + r * 0.6, cy - r * 0.4), (r * 0.7, r * 0.7)), 38.0)


def cage(z: float) -> tuple[float, float]:
    """Give the inner half axes of the rib cage at height `z` in mm: narrow at the top, widest over the diaphragm."""
    t = float(np.clip((126 - z) / 190, 0, 1.3))
    rise = float(np.sqrt(np.clip(1 - (1 - min(t, 1)) ** 2.4, 0.04, 1)))
    return 136 * rise, 88 * rise**0.8


def heart_at(z: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give centre and half axes of the heart at height `z`; it leans to the left and to the front below."""
    t = (z + 48) / 50
    size = float(np.sqrt(max(1 - t * t, 0)))
    lean = float(ramp(z, 5, -70))
    return (8 + 20 * lean, -18 - 12 * lean), (66 * size, 47 * size)


def tubes(z: float) -> list[tuple[tuple[float, float], float, float]]:
    """List the round things of the middle at height `z`: centre, radius in mm, Hounsfield value."""
    found = [((17.0, 44.0), 12.5, BLOOD + 36), ((3.0, 40.0), 7.5, MUSCLE)] if z < 26 else [((3.0, 42.0), 7.5, MUSCLE)]
    if -2 < z < 26:
        found += [
            ((-14.0, -28.0), 15.5, BLOOD + 36),
            ((18.0, -20.0), 14.0, BLOOD + 36),
            ((-32.0, -18.0), 9.0, BLOOD + 36),
        ]
    if 26 <= z < 44:
        found += [((-10 + 28 * i / 6, -26 + 66 * i / 6), 12.5, BLOOD + 36) for i in range(7)]
        found += [((-28.0, -22.0), 8.5, BLOOD + 36)]
    if z >= 44:
        found += [((-14.0, -24.0), 6.5, BLOOD + 36), ((4.0, -22.0), 4.5, BLOOD + 36), ((20.0, -8.0), 5.0, BLOOD + 36)]
        found += [((-30.0, -34.0), 7.5, BLOOD + 36), ((26.0, -36.0), 7.5, BLOOD + 36)]
    if z > 2:
        found += [((0.0, 20.0), 9.6, MUSCLE), ((0.0, 20.0), 8.2, AIR)]
    elif z > -26:
        spread = 9 + (2 - z) * 0.9
        found += [((side * spread, 20.0), r, hu) for side in (-1, 1) for r, hu in ((7.6, MUSCLE), (6.0, AIR))]
    return found


def grow_vessels(rng: np.random.Generator) -> Vessels:
    """Grow both pulmonary trees from their hila, forking until a branch is a millimetre wide."""
    beads: list[np.ndarray] = []
    for side in (-1, 1):
        hilum = np.array([side * 36.0, 12.0, 0.0])
        for _ in range(26):
            aim = rng.normal(0, 1, 3) * (0.7, 1.0, 1.6)
            aim[0] = side * (abs(aim[0]) + 0.55)
            grow(rng, beads, hilum + rng.normal(0, 6, 3) * (0.5, 1, 2), aim / np.linalg.norm(aim), 4.6)
    points = np.concatenate(beads).astype(np.float32)
    return Vessels(points[:, 0], points[:, 1], points[:, 2], points[:, 3])


def grow(rng: np.random.Generator, beads: list[np.ndarray], at: np.ndarray, aim: np.ndarray, radius: float) -> None:
    """Append the beads of one branch and of everything that forks from it (Murray's law sets the widths)."""
    if radius < 0.75:
        return
    length = rng.uniform(3.0, 5.0) * radius + 8
    steps = np.arange(0, length, max(radius * 0.5, 0.7))
    path = at + steps[:, None] * aim
    beads.append(np.column_stack([path, np.linspace(radius, radius * 0.85, len(steps))]))
    for share in (0.62, 0.38):
        turn = aim + rng.normal(0, 0.42 if share < 0.5 else 0.24, 3)
        grow(rng, beads, path[-1], turn / np.linalg.norm(turn), radius * 0.85 * share ** (1 / 2.7))


def bone(plane: Grid, shape: Grid) -> None:
    """Paint bone: a bright rim around paler marrow, the rim being where the soft edge of `shape` has just closed."""
    rows, columns = np.gradient(shape)
    paint(plane, shape, MARROW)
    paint(plane, np.clip((np.abs(rows) + np.abs(columns)) * 2.2, 0, 1).astype(np.float32) * (shape > 0), CORTEX)


def ct_volume(chest: Chest, count: int, size: int, spacing: float, thickness: float, top: float) -> Grid:
    """Give `count` slices (slice, row, column) in Hounsfield units with scanner noise, from `top` mm downwards."""
    x, y = axis(size, spacing)[None, :], axis(size, spacing)[:, None]
    rng = np.random.default_rng(chest.seed + 1)
    noise = rng.normal(0, 1, (size * 2, size * 2)).astype(np.float32)
    noise = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, (1, 1), (0, 1))) * 5.5
    couch = np.hypot(x, y + 300) - 428
    table = AIR + (band(couch, 2.2, 1) * 520 + band(couch - 14, 12, 1) * 90) * band(x, 190, 4)
    volume = np.empty((count, size, size), np.float32)
    for i in range(count):
        dy, dx = rng.integers(0, size, 2)
        volume[i] = np.maximum(chest.hounsfield(x, y, top - i * thickness), table) + noise[dy : dy + size, dx : dx + size]
    return volume


def radiograph(chest: Chest, rows: int, columns: int, spacing: float) -> Grid:
    """Give the chest projected front to back, 0 (no attenuation) to about 1, seen as a PA film is hung.

    Integrated on a coarse grid, then treated as a CR reader does: large differences in density are compressed and small
    ones lifted, so that ribs show over lung and vertebrae through the heart.
    """
    x, y = axis(410, columns * spacing / 410)[None, :], axis(64, 4.0)[:, None]
    heights = axis(rows // 8, spacing * 8)[::-1] - 4
    sums = np.stack([attenuation(chest.hounsfield(x, y, float(z))).sum(0) for z in heights]) * np.float32(4.0 / 260)
    broad = blur(blur(sums, 18), 18)
    treated = 1 - np.exp(-1.5 * np.maximum(broad, 0)) + 1.15 * (sums - broad) * np.exp(-0.9 * broad)
    return enlarge(treated.astype(np.float32), rows, columns)


def attenuation(hounsfield: Grid) -> Grid:
    """Give attenuation relative to water; calcium counts more at a radiograph's lower energy than in CT."""
    return np.asarray(np.maximum(hounsfield / 1000 + 1, 0) + np.maximum(hounsfield - 120, 0) / 800)


def blur(image: Grid, radius: int) -> Grid:
    """Give the mean over a square of side 2 `radius` + 1, the border repeated outwards."""
    for turn in (0, 1):
        padded = np.pad(image, [(radius + 1, radius) if a == turn else (0, 0) for a in (0, 1)], mode="edge")
        total = np.cumsum(padded, axis=turn, dtype=np.float64)
        n = 2 * radius + 1
        image = (np.take(total, range(n, total.shape[turn]), turn) - np.take(total, range(total.shape[turn] - n), turn)) / n
    return image.astype(np.float32)


def enlarge(small: Grid, rows: int, columns: int) -> Grid:
    """Stretch an image bilinearly."""
    r = np.linspace(0, small.shape[0] - 1, rows).astype(np.float32)
    c = np.linspace(0, small.shape[1] - 1, columns).astype(np.float32)
    r0, c0 = np.minimum(r.astype(int), small.shape[0] - 2), np.minimum(c.astype(int), small.shape[1] - 2)
    tall = small[r0] + (small[r0 + 1] - small[r0]) * (r - r0)[:, None]
    return np.asarray(tall[:, c0] + (tall[:, c0 + 1] - tall[:, c0]) * (c - c0)[None, :], np.float32)
