"""Devices: what stands behind a device URL."""

from asicrc.devices.opening import Circumstances, open_device

__all__ = ["Circumstances", "open_device"]
