"""Twins that the claims are asked of: what is measured, what is planted, and how an instrument is judged."""
