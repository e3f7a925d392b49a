"""Devices: what stands behind a device URL."""

from asicrc.devices.opening import open_device

__all__ = ["open_device"]
