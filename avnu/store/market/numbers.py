"""What a column can hold of a payload's numbers."""

from avnu.errors import Unreadable

_LARGEST = 2**63 - 1


def stored(name: str, number: int | None) -> int | None:
    """The number. Raises Unreadable, with its name only, for one of more than 64 bits.

    Otherwise the database would refuse it, and everything else of its batch.
    """
    if number is not None and not -_LARGEST <= number <= _LARGEST:
        raise Unreadable(f"{name} has more than 64 bits")
    return number
