"""avnu/faults.py: what logs and operators are told of a failure."""

import pytest

from avnu.faults import place_of, reason_of


def test_logs_name_the_place_and_operators_the_message_too() -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        raise ValueError("a secret in a message")
    assert place_of(caught.value).startswith("ValueError at test_faults.py:")
    assert "secret" not in place_of(caught.value)
    assert reason_of(caught.value).endswith("a secret in a message")
    assert len(reason_of(ValueError("x" * 9000))) == 500
    assert place_of(ValueError()) == "ValueError"
