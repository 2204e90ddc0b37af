"""What people type for one of several things."""

from __future__ import annotations

import pytest

from collector.names import NameAmbiguous, Named, the_one

KITCHEN = Named("dev-4f2a90b1c3d4e5f601234567", "Kitchen")
OTHER_KITCHEN = Named("dev-4f2a77b1c3d4e5f601234567", "kitchen")
HALL = Named("dev-90b1c3d4e5f6012345674f2a", "hall")
ALL = [KITCHEN, OTHER_KITCHEN, HALL]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (HALL.id, HALL),
        ("hall", HALL),
        ("HALL", HALL),
        ("dev-90b1", HALL),
        ("90b1", HALL),
        ("dev-4f2a9", KITCHEN),
        ("Kitchen", KITCHEN),
        ("kitchen", OTHER_KITCHEN),
        ("90b", None),  # could be a slip
        ("dev-", None),
        ("dev-9", None),
        ("ses-90b1", None),
        ("hal", None),  # a name has to be whole
        ("", None),
        ("attic", None),
    ],
)
def test_a_name_an_id_or_how_an_id_begins(typed: str, meant: Named | None) -> None:
    assert the_one(typed, ALL) == meant


@pytest.mark.parametrize("typed", ["KITCHEN", "dev-4f2a", "4f2a"])
def test_what_fits_several_lists_them(typed: str) -> None:
    with pytest.raises(NameAmbiguous) as caught:
        the_one(typed, ALL)
    assert caught.value.facts["candidates"] == [KITCHEN.id, OTHER_KITCHEN.id]
    assert str(KITCHEN) in caught.value.message and str(OTHER_KITCHEN) in caught.value.message


def test_people_in_other_cases_are_listed_by_their_names() -> None:
    with pytest.raises(NameAmbiguous) as caught:
        the_one("RITA", [Named("", "Rita"), Named("", "rita")])
    assert caught.value.facts["candidates"] == ["Rita", "rita"]


def test_of_many_some_are_listed() -> None:
    with pytest.raises(NameAmbiguous, match="…") as caught:
        the_one("hall", [Named(f"dev-{number:024}", "hall") for number in range(40)])
    assert len(caught.value.facts["candidates"]) == 40 and len(caught.value.message) < 600


def test_an_id_goes_before_a_name_and_a_name_before_how_an_id_begins() -> None:
    named_like_id = Named("dev-aaaa", HALL.id)
    assert the_one(HALL.id, [named_like_id, HALL]) == HALL
    named_like_beginning = Named("dev-aaaa", "90b1")
    assert the_one("90b1", [HALL, named_like_beginning]) == named_like_beginning
