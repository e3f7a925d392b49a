"""Captures of several rigs, gathered from a broker into files like those that the rigs wrote."""
