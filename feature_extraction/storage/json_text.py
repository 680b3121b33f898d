"""JSON that anybody may have written: what the parser accepts and no other part of the program could use is refused."""

import json
import sys
from typing import Any

LARGEST = 64 << 20  # characters; run folders, splits and headers have a thousandth of it


def parse_json(text: str) -> Any:
    """Parse JSON whose texts can be written as UTF-8 and whose numbers are within the range of floats.

    Args:
        text: What was read.

    Raises:
        ValueError: It is no JSON, too long or nested too deep, a whole number is too large, or a text holds half of a
            surrogate pair.
    """
    if len(text) > LARGEST:
        raise ValueError(f"more than {LARGEST >> 20} million characters")
    try:
        value = json.loads(text, parse_int=_whole_number)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _whole_number(text: str) -> int:
    """Read a whole number; float() refuses none of them, so that what uses them need not ask."""
    number = int(text)
    if abs(number) > sys.float_info.max:
        raise ValueError(f"a number of {len(text)} digits")
    return number
