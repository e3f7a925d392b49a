"""The bench round a device: what it may do here, and who stops it when this program no longer can."""
