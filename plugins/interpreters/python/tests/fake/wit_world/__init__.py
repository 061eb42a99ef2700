"""Stands in for the bindings that componentize-py makes from `wit/`: the border of the component, and all of it.

Same names and fields as the real ones; the host's side is a few lists that tests fill and read.
"""
