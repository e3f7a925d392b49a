"""One procedure or more for each claim; a module of this folder names its own in `PROCEDURES`."""
