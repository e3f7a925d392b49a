"""Periods in streams of events and in telemetry, with the depth that would have been seen."""
