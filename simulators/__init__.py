"""Software SHA-256 and emulated devices that speak real bytes."""
