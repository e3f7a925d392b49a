"""The LV06: one BM1366 under AxeOS, in two generations."""
