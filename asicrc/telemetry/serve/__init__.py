"""A page on this machine with live charts of a capture: it reads the file, as `watch` does."""

from asicrc.telemetry.serve.running import serve

__all__ = ["serve"]
