"""Sheets of paper: text flows down the page and on to the next one. Knows nothing of reports."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from sidecar.reports import direction, lettering

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN = 56.0
"""Points (1/72 inch) to the left and right: 20 mm."""
TOP, BOTTOM = 92.0, 62.0
"""Points kept free for the running head and foot."""
ROOM = PAGE_WIDTH - 2 * MARGIN

Draw = Callable[[Canvas], None]


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is set; sizes in points, grey from 0 (black) to 1."""

    face: str = "regular"
    size: float = 10
    leading: float = 15
    grey: float = 0.0


@dataclass(slots=True)
class Sheets:
    """Pages being filled. ``y`` is the distance left to the bottom edge of the paper."""

    pages: list[list[Draw]] = field(default_factory=lambda: [[]])
    y: float = PAGE_HEIGHT - MARGIN

    def need(self, height: float) -> None:
        """Go on to a new page unless ``height`` points are left on this one."""
        if self.y - height < BOTTOM:
            self.pages.append([])
            self.y = PAGE_HEIGHT - TOP

    def space(self, height: float) -> None:
        """Leave room."""
        self.y -= height

    def text(self, text: str, style: Style, *, x: float = MARGIN, room: float = ROOM) -> None:
        """Set a text of several paragraphs, each from its own side."""
        for paragraph in lettering.printable_lines(text):
            from_right = direction.runs_right_to_left(paragraph)
            for line in lettering.wrap(paragraph, style.face, style.size, room):
                self.need(style.leading)
                self.y -= style.leading
                self.pages[-1].append(line_drawer(line, style, x=x, y=self.y, room=room, from_right=from_right))

    def height(self, text: str, style: Style, *, room: float = ROOM) -> float:
        """Return how many points a text takes."""
        lines = [lettering.wrap(each, style.face, style.size, room) for each in lettering.printable_lines(text)]
        return style.leading * sum(map(len, lines))

    def rule(self, grey: float = 0.7) -> None:
        """Draw a hairline across the page."""
        y = self.y
        self.pages[-1].append(lambda canvas: _hairline(canvas, y, grey))

    def pdf(self, *, title: str, subject: str, frame: Callable[[int, int], list[Draw]]) -> bytes:
        """Draw everything; ``frame(page, pages)`` gives each page its head and foot. The same content gives the same bytes."""
        target = io.BytesIO()
        canvas = Canvas(target, pagesize=A4, invariant=1, pageCompression=1)
        canvas.setTitle(title)
        canvas.setSubject(subject)
        canvas.setCreator("Reading Room")
        for number, page in enumerate(self.pages, start=1):
            for draw in (*frame(number, len(self.pages)), *page):
                draw(canvas)
            canvas.showPage()
        canvas.save()
        return target.getvalue()


def line_drawer(  # noqa: PLR0913 - one line and where it goes
    line: str, style: Style, *, x: float, y: float, room: float = ROOM, from_right: bool = False
) -> Draw:
    """Return what draws one line, from the left edge or the right one."""

    def draw(canvas: Canvas) -> None:
        seen = direction.visual(lettering.shaped(line), right_to_left=from_right and direction.runs_right_to_left(line))
        start = x + room - lettering.width(line, style.face, style.size) if from_right else x
        pen = canvas.beginText(start, y)
        pen.setFillGray(style.grey)
        for font, part in lettering.runs(seen, style.face):
            pen.setFont(font, style.size)
            pen.textOut(part)
        canvas.drawText(pen)

    return draw


def _hairline(canvas: Canvas, y: float, grey: float) -> None:
    canvas.setStrokeGray(grey)
    canvas.setLineWidth(0.5)
    canvas.line(MARGIN, y, PAGE_WIDTH - MARGIN, y)
