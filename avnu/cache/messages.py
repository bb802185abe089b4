"""The message that makes processes drop what they hold."""

import msgspec


class Message(msgspec.Struct, frozen=True, rename={"origin": "o", "shop": "s", "tags": "t"}):
    """``origin``: the process that has done it itself already, or "". ``shop`` "": every shop."""

    origin: str
    shop: str
    tags: tuple[str, ...] = ()

    def pack(self) -> bytes:
        """The bytes that are published."""
        return msgspec.json.encode(self)


def unpack_message(data: bytes) -> Message | None:
    """The message, or None for what is not one."""
    try:
        return msgspec.json.decode(data, type=Message)
    except msgspec.MsgspecError:
        return None
