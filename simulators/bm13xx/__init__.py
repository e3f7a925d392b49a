"""An emulated chain of BM13xx chips behind a pseudo-terminal, with real proofs of work at a stated scale."""
