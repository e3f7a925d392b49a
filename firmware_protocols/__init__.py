"""Wire formats of mining devices: bytes to typed events and back, without I/O or clocks."""
