"""Bytes in and out, stamped where they arrive."""
