"""What the arrival times say: interval statistics, nulls, scan-order residuals, missing nonces."""
