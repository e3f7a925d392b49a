"""Miners on the network: their management interfaces, and the work server that they are pointed at."""
