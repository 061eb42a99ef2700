"""Why something could not be done."""

KINDS = (
    "invalid-input",
    "not-found",
    "denied",
    "unavailable",
    "deadline",
    "exhausted",
    "cancelled",
    "conflict",
    "rate-limited",
    "internal",
)


class Failure(Exception):
    """Why a call could not be done; raise it. The message is read by a person or a model: say what was wrong and what to do.

    `kind` is one of the contract's, `code` a stable kebab-case word that a program may branch on (the kind where none is given).
    Any other exception that leaves a tool becomes a failure of kind `internal`.

        raise Failure("there is no city of that name", kind="not-found", code="no-such-city")
    """

    def __init__(self, message, kind="internal", code=None, retryable=False, details=None):
        if kind not in KINDS:
            raise ValueError(f"there is no kind of failure {kind!r}; there is {', '.join(KINDS)}")
        super().__init__(message)
        self.message = str(message)
        self.kind = kind
        self.code = code or kind
        self.retryable = retryable
        self.details = details

    def __str__(self):
        return f"{self.message} ({self.code})"

    @classmethod
    def of(cls, error):
        """The failure that an exception is."""
        if isinstance(error, cls):
            return error
        if isinstance(error, MemoryError):
            return cls("the work needs more memory than it may use", kind="exhausted", code="memory-exhausted")
        if isinstance(error, RecursionError):
            return cls("the work calls itself too deeply", kind="exhausted", code="stack-exhausted")
        return cls(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def invalid(message, code="invalid-input"):
    """The arguments were wrong."""
    return Failure(message, kind="invalid-input", code=code)
