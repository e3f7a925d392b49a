"""An emulated Bitaxe that runs bitaxe-raw: the control port with the board behind it, and the chip's line."""
