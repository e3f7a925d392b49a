"""The Goldshell LB-Box: LBRY's proof of work behind a web API with tokens."""
