"""Which files of the project a piece of work passes through: those whose functions are called on the way."""

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from checkout import ROOT


def trace(work: Callable[[], Any]) -> list[str]:
    """Return the files of both packages in which a function ran during `work`, in the order of the first call.

    Classes and modules that are only defined on the way (imports) do not count.
    """
    found: dict[str, None] = {}

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code: CodeType = frame.f_code
        is_function = bool(code.co_flags & 0x1)  # CO_OPTIMIZED: bodies of modules and classes lack it
        if event == "call" and is_function and code.co_filename.startswith(str(ROOT)):
            path = code.co_filename.removeprefix(f"{ROOT}/")
            if path.startswith(("feature_extraction/", "sadvae_har/")):
                found[path] = None

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return list(found)
