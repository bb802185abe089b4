"""How values and entries are written and read back."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avnu.cache.entry import ABSENT, COMPRESS_ABOVE, DEFLATED, RAW, Entry, decode, encode, unpack
from avnu.cache.kinds import KINDS, LOCATIONS, PRODUCT, VARIANT
from avnu.cache.messages import Message, unpack_message
from avnu.cache.values import Location, Product, Variant
from avnu.errors import CacheEntryUnreadable

WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Z", "C"])
)
NUMBERS = st.integers(0, 2**53)


def entry(form: str = RAW, data: bytes = b"", **changes: object) -> Entry:
    base = Entry("e1", 3, 1_800_000_000_000, 300_000, 600_000, 120, 7, form, ("product",), data)
    return msgspec.structs.replace(base, **changes)


@given(
    data=st.binary(),
    tags=st.lists(WORDS.filter(bool), max_size=4).map(tuple),
    version=NUMBERS,
    began=NUMBERS,
)
def test_an_entry_reads_back_as_it_was(
    data: bytes, tags: tuple[str, ...], version: int, began: int
) -> None:
    one = entry(data=data, tags=tags, version=version, began=began)
    assert unpack(one.pack()) == one


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"no heading at all",
        b"2" + entry().pack()[1:],
        entry().pack().replace(b"\t7\t", b"\tseven\t"),
        entry().pack().split(b"\n")[0],
        b"\xff\xfe\n" + b"x" * 100,
    ],
)
def test_what_is_no_entry_is_unreadable(raw: bytes) -> None:
    with pytest.raises(CacheEntryUnreadable):
        unpack(raw)


@given(st.binary(max_size=200))
def test_nothing_read_from_redis_raises_anything_else(raw: bytes) -> None:
    with contextlib.suppress(CacheEntryUnreadable):
        decode(PRODUCT, unpack(raw))
    with contextlib.suppress(CacheEntryUnreadable):
        decode(PRODUCT, entry(DEFLATED, raw))
    unpack_message(raw)


def test_small_values_are_plain_large_ones_deflated() -> None:
    small = Product(id=1, title="x" * 100)
    form, data = encode(small)
    assert form == RAW
    assert decode(PRODUCT, entry(form, data)) == small
    large = tuple(Location(id=n, name=f"Store {n}") for n in range(500))
    form, packed = encode(large)
    assert form == DEFLATED
    assert COMPRESS_ABOVE < 3 * len(packed) < len(msgspec.msgpack.encode(large))
    assert decode(LOCATIONS, entry(form, packed)) == large


def test_nothing_is_an_answer_too() -> None:
    form, data = encode(None)
    assert (form, data) == (ABSENT, b"")
    assert decode(PRODUCT, entry(form, data)) is None


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (RAW, msgspec.msgpack.encode({"id": "no number", "title": "x"})),
        (RAW, msgspec.msgpack.encode({"id": 1})),
        (RAW, b"\xc1"),
        (DEFLATED, b"not deflated"),
        (DEFLATED, encode("y" * 9000)[1][:-9]),
    ],
)
def test_a_value_of_another_type_or_cut_off_is_unreadable(form: str, data: bytes) -> None:
    with pytest.raises(CacheEntryUnreadable):
        decode(PRODUCT, entry(form, data))


def test_a_field_that_a_newer_release_added_is_ignored() -> None:
    newer = msgspec.msgpack.encode({"id": 1, "title": "x", "invented_next_year": [1]})
    assert decode(PRODUCT, entry(RAW, newer)) == Product(id=1, title="x")


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_holds_what_nobody_can_change(kind: object) -> None:
    holds = kind.holds  # type: ignore[attr-defined]
    types = [holds] if isinstance(holds, type) and issubclass(holds, msgspec.Struct) else []
    types += [of for of in getattr(holds, "__args__", ()) if of is not Ellipsis]
    assert types
    assert all(of.__struct_config__.frozen for of in types)
    for field in [field for of in types for field in msgspec.structs.fields(of)]:
        assert "list" not in str(field.type), field
        assert "dict" not in str(field.type), field
    assert 0 < kind.fresh_s < kind.keep_s  # type: ignore[attr-defined]


def test_a_variant_is_tagged_with_its_product() -> None:
    assert VARIANT.tags(Variant(id=9, product_id=5)) == ("product:5",)
    assert PRODUCT.tag(5) == "product:5"
    assert LOCATIONS.tag() == "locations"


def test_a_message_reads_back_and_nonsense_is_none() -> None:
    message = Message("origin", "one-shop.myshopify.com", ("product:5", "variant"))
    assert unpack_message(message.pack()) == message
    assert unpack_message(b'{"o": 1}') is None
