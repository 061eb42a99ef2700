"""Log records; never fails and never blocks. `print` in a plugin is a record of level info.

    log.warn("the file has no header", file="a.csv")
"""

from . import host

_wit = host.imported("log")
LEVELS = ("trace", "debug", "info", "warn", "error")


def record(level, message, **fields):
    """Writes a record with fields."""
    fields = [(name, str(value)) for name, value in fields.items()]
    if _wit is None:
        host.native().log.append((level, str(message), dict(fields)))
    else:
        _wit.log(_wit.Level[level.upper()], str(message), fields)


def debug(message, **fields):
    """Writes a record of level debug."""
    record("debug", message, **fields)


def info(message, **fields):
    """Writes a record of level info."""
    record("info", message, **fields)


def warn(message, **fields):
    """Writes a record of level warn."""
    record("warn", message, **fields)


def error(message, **fields):
    """Writes a record of level error."""
    record("error", message, **fields)
