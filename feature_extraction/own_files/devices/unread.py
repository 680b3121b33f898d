"""Files of devices that are not read: they are named, with the program that converts them."""

from pathlib import Path

from feature_extraction.errors import InputError
from feature_extraction.own_files.devices.archive import is_zip, member_names


def refuse_unread(path: Path) -> None:
    """Refuse raw files that need a program of their maker.

    Raises:
        InputError: Naming device and program.
    """
    if not path.is_file():
        return
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return
    if head[:2] == b"MD" and head[2:4] == b"\xfc\x03":
        raise InputError(f"{path}: raw file of an Axivity (.cwa), not supported; convert it with OmGui, Export Raw CSV")
    if head.startswith(b"Device Identity") and b"Device Unique Serial Code:" in head:
        raise InputError(
            f"{path}: raw file of a GENEActiv (.bin), not supported; convert it with GENEActiv PC Software to CSV"
        )
    if is_zip(path) and {"info.txt", "log.bin"} <= set(member_names(path)):
        raise InputError(
            f"{path}: raw file of an ActiGraph (.gt3x), not supported; convert it with ActiLife to raw CSV"
        )
