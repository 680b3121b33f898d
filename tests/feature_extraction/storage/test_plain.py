import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pytest

from feature_extraction.errors import InputError
from feature_extraction.storage.plain import from_plain


@dataclass(frozen=True)
class Wheel:
    size: float
    kind: Literal["front", "rear"]


@dataclass(frozen=True)
class Cart:
    name: str
    seats: int
    folds: bool
    wheels: tuple[Wheel, ...]
    groups: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if self.seats < 0:
            raise InputError(f"seats: {self.seats}")


CART = Cart("red", 2, True, (Wheel(0.5, "front"), Wheel(1, "rear")), (("a", "b"), ("c",)))


def test_what_went_through_json_comes_back() -> None:
    assert from_plain(Cart, json.loads(json.dumps(asdict(CART))), "cart.json") == CART


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, "cart.json: name: 3 cannot be used; expected a text"),
        ({"name": None}, "name: None cannot be used"),
        ({"seats": 2.5}, "seats: 2.5 cannot be used; expected a whole number"),
        ({"seats": True}, "seats: True cannot be used"),
        ({"seats": 10**400}, "seats: 1000.* cannot be used"),
        ({"seats": -1}, "cart.json: seats: -1"),
        ({"folds": 1}, "folds: 1 cannot be used; expected true or false"),
        ({"wheels": {"size": 1}}, "wheels: .* expected a list"),
        ({"wheels": [{"size": 1}]}, r"wheels: needs exactly the fields \['kind', 'size'\]; missing \['kind'\]"),
        ({"wheels": [{"size": "1", "kind": "front"}]}, "wheels: size: '1' cannot be used; expected a number"),
        ({"wheels": [{"size": 10**400, "kind": "front"}]}, "wheels: size: 10"),
        ({"wheels": [{"size": 1, "kind": "side"}]}, "wheels: kind: 'side' .* expected one of front, rear"),
        ({"wheels": [{"size": 1, "kind": {}}]}, "wheels: kind: {} cannot be used"),
        ({"wheels": [3]}, "wheels: needs exactly the fields"),
        ({"groups": ["ab"]}, "groups: 'ab' cannot be used; expected a list"),
        ({"colour": "blue"}, r"missing \[\], unknown \['colour'\]"),
        ({3: "blue"}, r"unknown \['3'\]"),
    ],
)
def test_what_does_not_fit_is_named(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_plain(Cart, asdict(CART) | change, "cart.json")


@pytest.mark.parametrize("value", [None, [], "text", 3, {}])
def test_what_is_no_mapping_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="cart.json: needs exactly the fields"):
        from_plain(Cart, value, "cart.json")
