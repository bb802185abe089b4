"""MARKET_CHANGED: the marketplace's own function is found at the start, or the fault is told."""

import pytest

from avnu.errors import SettingsInvalid
from avnu.settings import Settings
from avnu.store.market.changes import hook_named
from tests.support.told_changes import NAME, note


def test_the_function_is_imported_by_its_name() -> None:
    assert hook_named(NAME) is note


def test_without_a_name_there_is_none() -> None:
    assert hook_named(Settings.load({}).market_changed) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_package:told", "cannot be imported (ModuleNotFoundError"),
        ("tests.support.told_changes:nobody", "cannot be imported (AttributeError"),
        ("tests.support.told_changes:NAME", "is no function"),
    ],
)
def test_what_cannot_be_told_is_a_fault_that_names_it(name: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        hook_named(name)
    (fault,) = caught.value.faults
    assert fault.startswith(f"MARKET_CHANGED={name!r} {said}")


@pytest.mark.parametrize("text", ["told", "package.told", "a:b:c", "a-b:c", ":c", "a:", "a..b:c"])
def test_other_forms_are_refused_with_the_settings(text: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"write package\.module:function"):
        Settings.load({"MARKET_CHANGED": text})
