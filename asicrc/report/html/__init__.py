"""Reports for a browser: one file that opens anywhere, without a network."""
