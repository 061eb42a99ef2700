"""Stands in for the module of this name that componentize-py makes."""


class Err(Exception):
    """A failure that the other side returned."""

    def __init__(self, value):
        super().__init__(value)
        self.value = value
