"""The one error of the devstack: a sentence a developer can act on."""


class DevstackError(RuntimeError):
    """Something on this machine keeps the system from starting; the message says what to do."""
