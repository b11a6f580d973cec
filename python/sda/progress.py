"""Progress of long calls, by tqdm where it is."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Optional, Union

Progress = Union[None, bool, Callable[[int, int, str], object]]


def _is_watched() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell" or (sys.stderr is not None and sys.stderr.isatty())


@contextlib.contextmanager
def reporter(progress: Progress, label: str, unit: str) -> Iterator[Optional[Callable[[int, int, str], object]]]:
    """What a long call tells its progress to: a bar for True, and for None where somebody looks; `progress` itself if
    it can be called."""
    if callable(progress):
        yield progress
        return
    if progress is False or (progress is None and not _is_watched()):
        yield None
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a notebook without ipywidgets has tqdm's bar of characters
            from tqdm.auto import tqdm
    except ImportError:
        yield None
        return
    bar: Any = tqdm(desc=label, unit=unit, leave=False, delay=0 if progress else 1)

    def tell(done: int, total: int, note: str) -> None:
        bar.total = total
        if note:
            bar.set_postfix_str(note, refresh=False)
        bar.update(done - bar.n)

    try:
        yield tell
    finally:
        bar.close()
