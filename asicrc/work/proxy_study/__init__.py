"""What a prefetching proxy is worth: arms with and without it, interleaved, against a pool with latency."""
