"""Sample contexts of the page that says what went wrong: every status, with the words it comes with."""

from typing import Any

from sidecar.gate.ways import Way
from sidecar.kernel import errors
from sidecar.sharing.links import OVER
from sidecar.sharing.web.guests import NoLink

BACK, START, AGAIN = Way("/hospital", "Back", "left"), Way("/", "Start page"), Way("/worklist", "Try again", "restart")
LINK = Way("/shared", "Open a link", "key")
HELD = "The draft changed after you looked at it. Read it again before signing."
PROBLEMS: dict[str, tuple[errors.Problem, list[Way]]] = {
    "400": (errors.Invalid("Choose somebody from the list."), [BACK, START]),
    "401": (errors.Unauthenticated("Please sign in."), [Way("/login", "Sign in")]),
    "403": (errors.Denied("Your role may not do this."), [BACK, START]),
    "404": (errors.Missing(), [START]),
    "405": (errors.NoPage("This address only takes a form that was filled in. Open the page that holds it."), [BACK, START]),
    "409": (errors.Conflict(HELD), [BACK, START]),
    "413": (errors.TooLarge("That is more than is taken here at once."), [BACK, START]),
    "429": (errors.TooMany(780), [BACK, START]),
    "500": (errors.Broken("Something broke on our side. Nothing you saved is lost. Reference: " + 8 * "5e1f"), [AGAIN, START]),
    "503": (errors.Busy("The database is not answering. Nothing you saved is lost; try again shortly."), [AGAIN, BACK, START]),
    "link-403": (NoLink(), [LINK]),
    "link-410": (errors.Gone(OVER), [LINK]),
}


def contexts() -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        f"error-{name}": ("error.html", {"problem": problem, "ways": ways, "fragment": False})
        for name, (problem, ways) in PROBLEMS.items()
    }
