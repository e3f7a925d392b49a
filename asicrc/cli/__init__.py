"""The commands. Thin: each asks the library and prints what it says."""
