"""OHIF as a test sees it: open, wait for pixels, read them, draw, and hear what it tells the page around it.

Everything works on a Playwright `Frame`: the viewer's own when it is framed by the reading page, or `page.main_frame`.
"""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Frame, Page

# Cold start with software rendering takes 2 to 5 s on two idle cores; the rest is for busy ones.
PATIENCE_MS = 30_000

# Notes every message of the viewer from the moment the page exists: readiness comes before a test could ask for it.
LISTENER = """
window.viewerMessages = [];
window.addEventListener('message', e => {
  if (e.origin === location.origin && e.data && e.data.source === 'readingroom-viewer') window.viewerMessages.push(e.data);
});
"""
VIOLATIONS = """
window.policyViolations = [];
document.addEventListener('securitypolicyviolation', e => window.policyViolations.push(e.violatedDirective + ' ' + e.blockedURI));
"""

# Cornerstone draws into WebGL canvases whose buffer is gone after a frame; it copies the picture to a 2D canvas, read here.
READ_CANVAS = """
() => {
  const canvas = document.querySelector('.cornerstone-canvas');
  if (!canvas || !canvas.width) return null;
  const copy = document.createElement('canvas');
  copy.width = 64; copy.height = 64;
  const pen = copy.getContext('2d', { willReadFrequently: true });
  pen.drawImage(canvas, 0, 0, 64, 64);
  const rgba = pen.getImageData(0, 0, 64, 64).data;
  return Array.from({ length: 64 * 64 }, (_, i) => rgba[4 * i]);
}
"""


@dataclass(frozen=True)
class Picture:
    """What the first viewport shows, reduced to 64 by 64 grey values (0 to 255)."""

    grey: list[int]

    @property
    def levels(self) -> int:
        """Count the distinct grey values: an empty viewport has one."""
        return len(set(self.grey))

    @property
    def mean(self) -> float:
        """Give the mean grey value."""
        return sum(self.grey) / len(self.grey)

    def at(self, x: float, y: float) -> int:
        """Give the grey value at a place of the viewport, both from 0 to 1."""
        return self.grey[min(int(y * 64), 63) * 64 + min(int(x * 64), 63)]


def watch(page: Page) -> None:
    """Note the viewer's messages and every breach of a content policy; call before the page is opened."""
    page.add_init_script(LISTENER)
    page.add_init_script(VIOLATIONS)


def viewer_frame(page: Page) -> Frame:
    """Give the frame that holds the viewer, when it is there."""
    page.wait_for_function("() => Array.from(document.querySelectorAll('iframe')).some(f => f.src.includes('/ohif/'))")
    handle = page.query_selector("iframe[src*='/ohif/']")
    frame = handle.content_frame() if handle else None
    if frame is None:
        raise AssertionError("no frame holds the viewer")
    return frame


def wait_for_image(frame: Frame) -> Picture:
    """Wait until the viewer has drawn real pixels; give them."""
    frame.wait_for_function("() => document.documentElement.dataset.firstImage === 'drawn'", timeout=PATIENCE_MS)
    frame.wait_for_function(
        f"() => {{ const seen = ({READ_CANVAS})(); return seen !== null && new Set(seen).size > 8; }}", timeout=PATIENCE_MS
    )
    return read_picture(frame)


def read_picture(frame: Frame) -> Picture:
    """Give what the first viewport shows now."""
    grey = frame.evaluate(READ_CANVAS)
    if grey is None:
        raise AssertionError("the viewer has no viewport")
    return Picture(grey)


def draw_length(page: Page, frame: Frame, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a length with the mouse between two places of the first viewport, each from 0 to 1."""
    frame.locator('[data-cy="Length"]').first.click()
    box = frame.locator(".cornerstone-canvas").first.bounding_box()
    if box is None:
        raise AssertionError("the viewport is not visible")
    x, y, width, height = (box[k] for k in ("x", "y", "width", "height"))
    page.mouse.move(x + start[0] * width, y + start[1] * height)
    page.mouse.down()
    page.mouse.move(x + end[0] * width, y + end[1] * height, steps=8)
    page.mouse.up()


def wait_for_message(page: Page, kind: str, number: int = 1, timeout_ms: float = PATIENCE_MS) -> dict[str, Any]:
    """Give the `number`-th message of a kind that the viewer sent to the page, waiting for it."""
    page.wait_for_function(
        "([kind, number]) => window.viewerMessages.filter(m => m.type === kind).length >= number",
        arg=[kind, number],
        timeout=timeout_ms,
    )
    messages: list[dict[str, Any]] = page.evaluate("kind => window.viewerMessages.filter(m => m.type === kind)", kind)
    return messages[number - 1]


def wait_for_measurement(page: Page, change: str) -> dict[str, Any]:
    """Give the latest measurement told with this change (added, updated, removed), waiting for the first."""
    page.wait_for_function(
        "change => window.viewerMessages.some(m => m.type === 'measurement' && m.change === change)",
        arg=change,
        timeout=PATIENCE_MS,
    )
    told: list[dict[str, Any]] = page.evaluate(
        "change => window.viewerMessages.filter(m => m.change === change).map(m => m.measurement)", change
    )
    return told[-1]


def ask(page: Page, kind: str, **content: Any) -> None:
    """Send the viewer a request, as the reading page does."""
    page.evaluate(
        """([kind, content]) => document.querySelector("iframe[src*='/ohif/']").contentWindow
             .postMessage({ source: 'readingroom-page', type: kind, ...content }, location.origin)""",
        [kind, content],
    )


def violations(frame: Frame) -> list[str]:
    """List the breaches of the frame's content policy so far."""
    found: list[str] = frame.evaluate("() => window.policyViolations")
    return found
