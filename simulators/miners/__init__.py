"""Emulated network miners: an LV06, an Antminer S9 and an LB-Box, each a process with its own sockets.

Each mines real proofs of work for the pool it is pointed at, and is managed over its firmware's API. Nothing
of firmware_protocols' codecs is used for what goes over the wire, so that an error there shows.
"""
