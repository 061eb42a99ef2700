"""The standard library, all of it that this build of Python has.

Only what is imported while the component is built exists later: there is no library folder at run time. Python itself
imports modules late and quietly (`datetime.strptime` needs `_strptime`, `bytes.decode` a codec), so everything is
imported, not a list of what seems useful. The pages are shared by all instances; what nobody touches costs nothing.
"""

import importlib
import importlib.machinery
import pkgutil
import sys

# Of no use here (windows, installers, tests of Python itself), or with effects when imported.
LEFT_OUT = {
    "__hello__", "__phello__", "_tkinter", "_pyrepl", "antigravity", "ensurepip", "idlelib", "lib2to3", "nt", "pip",
    "test", "this", "tkinter", "turtle", "turtledemo", "venv",
}  # fmt: skip


def load():
    """Import it."""
    for name in sorted(sys.stdlib_module_names - LEFT_OUT):
        _import(name)


def _import(name):
    """Import a module and, if it is a package, what is in it."""
    try:
        module = importlib.import_module(name)
    except (ImportError, AttributeError):
        # A C part that is not built for WebAssembly, or one for another operating system.
        return
    for inner in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if inner.name not in ("__main__", "test", "tests"):
            _import(f"{name}.{inner.name}")


class _Keeper:
    """Finds the modules that were there from the start, for code that took one out of `sys.modules`."""

    def find_spec(self, name, path=None, target=None):
        """Where the import system asks, after everybody else."""
        return importlib.machinery.ModuleSpec(name, self) if name in _kept else None

    def create_module(self, spec):
        """The module itself, not another copy: there is no source to make one from."""
        return _kept[spec.name]

    def exec_module(self, module):
        """It has been executed."""


_kept = {}


def keep():
    """When the component is built: these are the modules there are."""
    _kept.update(sys.modules)
    _kept.pop("__main__", None)
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Keeper)] + [_Keeper()]


def restore():
    """Before a run: the modules are there, whatever was taken out."""
    if len(sys.modules) < len(_kept):
        for name, module in _kept.items():
            sys.modules.setdefault(name, module)
