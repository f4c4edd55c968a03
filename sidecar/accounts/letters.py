"""What mails about accounts say: (subject, text). Links are put under the text at delivery; nobody's data but the reader's."""

Letter = tuple[str, str]
NOT_YOU = "If this was not you, you need not do anything."


def verify_registration(organisation: str) -> Letter:
    """Ask a newcomer to show that the address is theirs. Not by the name they gave: whoever reads this may not have given it."""
    return (
        "Confirm your e-mail address",
        (
            "Hello,\n\n"
            f"you asked for an account of {organisation} in Reading Room. Confirm that this address is yours, and"
            f" somebody there will look at your request. {NOT_YOU}\n\nThe link works once, for 24 hours:"
        ),
    )


def already_a_member(organisation: str) -> Letter:
    """Tell somebody with an account that the address was used to register again."""
    return (
        "You have an account already",
        (
            "Hello,\n\n"
            f"somebody asked for an account of {organisation} in Reading Room with this address. You have one already: sign"
            f" in, or choose a new password if you do not know yours any more. {NOT_YOU}"
        ),
    )


def still_waiting(organisation: str) -> Letter:
    """Tell somebody whose registration waits for a person that nothing more is needed."""
    return (
        "Your request is waiting",
        (
            "Hello,\n\n"
            f"your request for an account of {organisation} in Reading Room was received before and is waiting for somebody"
            " there to look at it. You will get a mail when that is done."
        ),
    )


def approved(name: str, organisation: str) -> Letter:
    """Tell a newcomer that the account is there; the link adds the authenticator."""
    return (
        "Your account is ready",
        (
            f"Hello {name},\n\n"
            f"your account of {organisation} in Reading Room was approved. One thing is missing: an authenticator on"
            " your phone. Have the password at hand that you chose.\n\nThe link works once, for seven days:"
        ),
    )


def declined(name: str, organisation: str) -> Letter:
    """Tell a newcomer that there will be no account."""
    return (
        "Your request was declined",
        (
            f"Hello {name},\n\n"
            f"{organisation} declined your request for an account in Reading Room. If you think that this is a"
            " mistake, ask there: nobody else can give you one."
        ),
    )


def invitation(name: str, organisation: str) -> Letter:
    """Invite somebody; the link sets password and second factor."""
    return (
        f"Your account of {organisation}",
        (
            f"Hello {name},\n\n"
            f"{organisation} invites you to Reading Room. Open the link to choose a password and to add an"
            " authenticator on your phone.\n\nThe link works once, for seven days:"
        ),
    )


def reset(name: str) -> Letter:
    """Let somebody choose a new password."""
    return (
        "Choose a new password",
        (
            f"Hello {name},\n\n"
            f"somebody, probably you, asked for a new password in Reading Room. {NOT_YOU} Your authenticator stays"
            " as it is and will be asked for.\n\nThe link works once, for 30 minutes:"
        ),
    )


def password_changed(name: str) -> Letter:
    """Tell the owner afterwards: a thief would rather they did not know."""
    return (
        "Your password was changed",
        (
            f"Hello {name},\n\n"
            f"your password in Reading Room was changed just now, and all other sessions were ended. If this was not"
            " you, tell your administrator at once."
        ),
    )


def confirm_address(name: str) -> Letter:
    """Ask the owner of a new address whether it is theirs."""
    return (
        "Confirm your new e-mail address",
        (
            f"Hello {name},\n\n"
            f"confirm that this is your new address in Reading Room. Until then you sign in with the one before."
            f" {NOT_YOU}\n\nThe link works once, for two hours:"
        ),
    )


def address_changing(name: str) -> Letter:
    """Tell the present address that another one shall take its place."""
    return (
        "Your e-mail address is about to change",
        (
            f"Hello {name},\n\n"
            f"another address was given for your account in Reading Room and will replace this one as soon as it is"
            " confirmed. If this was not you, tell your administrator at once."
        ),
    )


def role_changed(name: str, role: str) -> Letter:
    """Tell somebody what they may do from now on."""
    return (
        "Your role was changed",
        (
            f"Hello {name},\n\n"
            f"your role in Reading Room is {role} from now on. You were signed out everywhere; sign in again to go"
            " on. If you did not expect this, ask your administrator."
        ),
    )
