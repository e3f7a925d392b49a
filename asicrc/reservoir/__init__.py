"""The readout layer: tasks, encoders, states, readouts, metrics, baselines."""
