"""Digital twins: miners that exist in a process and on a clock of their own, as fast as the machine."""
