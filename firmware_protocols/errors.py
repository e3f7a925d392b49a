"""Errors of every codec in this package (the split is h11's: who broke the rules)."""


class ProtocolError(Exception):
    """Something that the protocol does not allow."""


class LocalProtocolError(ProtocolError):
    """We were asked to send or to compute what the protocol cannot express."""


class RemoteProtocolError(ProtocolError):
    """The other side sent bytes that are not the protocol."""
