"""What a component exports."""


class Interpreter:
    """The base class of the export."""
