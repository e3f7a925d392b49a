"""An emulated pool: real Stratum on 127.0.0.1, real proofs, and the latency and faults of a bad one."""
