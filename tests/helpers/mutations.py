"""Seeded damage to any bytes: what disks, editors and people do to files, and what nobody would do by chance."""

import re
from collections.abc import Callable

import numpy as np

Mutation = Callable[[bytes, np.random.Generator], bytes]
NUMBER, WORD = re.compile(rb"-?\d+(?:\.\d+)?"), re.compile(rb"[A-Za-z_]{2,}")
NUMBERS = (
    *(
        b"-1",
        b"0",
        b"nan",
        b"inf",
        b"-.inf",
        b"1e999",
        b"true",
        b"null",
        b"~",
        b"",
        b"0x1f",
        b"1_000",
        b"1,5",
        b"1.2.3",
    ),
    *(b"9" * 25, b"9" * 5000, b"1e-400", b"[[1]]", b"{a: 1}", b'"', b"'", b"2020-13-45", b"0001-01-01T00:00:00+23:59"),
    *("²".encode(), "٣".encode(), b"1" + b"0" * 400, b"-0", b"1e5000000", b"12:99:99", b"\\ud800"),
)
WORDS = (
    *(b"", b"x" * 3000, b"\x1b[31mred", b"a\nb", b"\0", b"../../../etc", b"=1+1", b"<script>", b"null", b"no", b"\xff"),
    *(
        "ʼ²\u202e".encode(),
        b'"',
        b"'",
        b"{",
        b"[",
        b"]",
        b"}",
        b":",
        b"- ",
        b"&a *a",
        b"!!python/name:os.system",
        b"\\ud800",
    ),
    *(b"(a+)+$", b"((((((((((a{999}){999}){999}", b"**/**/**", b"%A%A%A%H", b"__proto__", b"\xed\xa0\x80"),
)


def _spot(content: bytes, rng: np.random.Generator) -> int:
    """Return a place; half of them near an end, where headers and footers stand."""
    n = len(content)
    near = int(rng.integers(0, min(n, 300) + 1))
    return int(rng.choice([near, n - near, int(rng.integers(0, n + 1)), int(rng.integers(0, n + 1))]))


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 8)) if damaged else 0):
        damaged[min(_spot(content, rng), len(damaged) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def _cut(content: bytes, rng: np.random.Generator) -> bytes:
    spot = _spot(content, rng)
    return content[:spot] if rng.random() < 0.7 else content[spot:]


def _insert(content: bytes, rng: np.random.Generator) -> bytes:
    spot = _spot(content, rng)
    what = rng.bytes(int(rng.integers(1, 60))) if rng.random() < 0.5 else bytes(int(rng.integers(1, 60)))
    return content[:spot] + what + content[spot:]


def _repeat(content: bytes, rng: np.random.Generator) -> bytes:
    first, last = sorted((_spot(content, rng), _spot(content, rng)))
    part = content[first:last][:2000]
    return content[:last] + part * int(rng.choice([1, 2, 50])) + content[last:]


def _leave_out(content: bytes, rng: np.random.Generator) -> bytes:
    first, last = sorted((_spot(content, rng), _spot(content, rng)))
    return content[:first] + content[last:]


def _overwrite(content: bytes, rng: np.random.Generator) -> bytes:
    """Write over lengths and offsets of binary formats."""
    spot, width = _spot(content, rng), int(rng.choice([1, 2, 4, 8]))
    what = [b"\xff", b"\0", b"\x7f", rng.bytes(1)][int(rng.integers(4))] * width
    return content[:spot] + what + content[spot + width :]


def _replace(pattern: re.Pattern[bytes], choices: tuple[bytes, ...]) -> Mutation:
    def mutate(content: bytes, rng: np.random.Generator) -> bytes:
        found = list(pattern.finditer(content, 0, 200_000))
        for _ in range(int(rng.integers(1, 3)) if found else 0):
            match = found[int(rng.integers(len(found)) if rng.random() < 0.5 else rng.integers(min(len(found), 40)))]
            if match.end() <= len(content) and content[match.start() : match.end()] == match[0]:
                content = content[: match.start()] + choices[int(rng.integers(len(choices)))] + content[match.end() :]
        return content

    return mutate


def _lines(content: bytes, rng: np.random.Generator) -> bytes:
    """Swap, repeat, empty or join lines."""
    lines = content.split(b"\n")
    a, b = (int(rng.integers(min(len(lines), 40) if rng.random() < 0.6 else len(lines))) for _ in range(2))
    kind = int(rng.integers(5))
    if kind == 0:
        lines[a], lines[b] = lines[b], lines[a]
    elif kind == 1:
        lines.insert(a, lines[b])
    elif kind == 2:
        lines[a] = b""
    elif kind == 3:
        lines[a] = b'"' + lines[a]
    else:
        return b"\n".join(lines[: a + 1]) + b"".join(lines[a + 1 :])
    return b"\n".join(lines)


def _swap_marks(content: bytes, rng: np.random.Generator) -> bytes:
    """Write one kind of mark as another."""
    marks = b",;:.\t \"'[]{}|\n\r-"
    old, new = (marks[int(rng.integers(len(marks)))] for _ in range(2))
    return content.replace(bytes([old]), bytes([new]), int(rng.choice([1, 5, 10_000])))


def _encode(content: bytes, rng: np.random.Generator) -> bytes:
    text = content.decode("latin-1")
    return text.encode(str(rng.choice(["utf-16", "utf-16-le", "utf-8-sig", "utf-8", "utf-32", "utf-7"])))


MUTATIONS: tuple[Mutation, ...] = (
    *(_flip, _cut, _insert, _repeat, _leave_out, _overwrite, _lines, _swap_marks, _encode),
    *(_replace(NUMBER, NUMBERS), _replace(WORD, WORDS), _replace(NUMBER, WORDS), _replace(WORD, NUMBERS)),
)


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Return content with one to three kinds of damage."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        content = MUTATIONS[int(rng.integers(len(MUTATIONS)))](content, rng)
    return content
