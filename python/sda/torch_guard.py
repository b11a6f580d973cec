"""Two libtorches in one process crash. Beside another torch than the one sda was built with, importing either
raises."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import re
import sys
from pathlib import Path


def _same(found: str, built: str) -> bool:
    # Debian's says 1.13.0a0 of the sources of 1.13.1: minor versions are what libtorch's soname tells apart.
    return found.split(".")[:2] == built.split(".")[:2]


def refusal(found: str, built: str, where: str) -> ImportError:
    """The error for torch `found` in `where` beside libtorch `built`."""
    return ImportError(
        f"sda was built with libtorch {built}, and {where} is torch {found}: two libtorches in one process crash. "
        "Use Debian's python3-torch, build sda with that torch (CMAKE_PREFIX_PATH=$(python3 -c 'import torch; "
        "print(torch.utils.cmake_prefix_path)')), or use the two in two processes"
    )


def require_same_torch(built: str) -> None:
    """Raises ImportError where another torch is in this process already."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "__version__"):
        return
    if not _same(torch.__version__, built):
        raise refusal(torch.__version__, built, getattr(torch, "__file__", None) or "the one imported before")


class Guard(importlib.abc.MetaPathFinder):
    """Looks at torch's version before it is imported. Finds nothing itself."""

    def __init__(self, built: str) -> None:
        self.built = built

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name != "torch":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.origin is None:
            return None
        version = Path(spec.origin).with_name("version.py")
        found = re.search(r"__version__\s*=\s*['\"]([^'\"]+)", version.read_text()) if version.exists() else None
        if found and not _same(found[1], self.built):
            raise refusal(found[1], self.built, spec.origin)
        return None


def watch(built: str) -> None:
    """Refuses an import of another torch from now on."""
    if not any(isinstance(finder, Guard) for finder in sys.meta_path):
        sys.meta_path.insert(0, Guard(built))
