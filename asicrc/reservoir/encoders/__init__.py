"""An input series into a drive for a device, and back from what the device took."""

from asicrc.reservoir.encoders.applied import AppliedDrive, applied_drive
from asicrc.reservoir.encoders.encoder import Encoder
from asicrc.reservoir.encoders.laws import ENCODERS, encoder_for

__all__ = ["ENCODERS", "AppliedDrive", "Encoder", "applied_drive", "encoder_for"]
