"""The 49 claims of the two papers, and what each comes to: `asicrc claims`.

The registry stands beside `asicrc.evidence`, not inside it: the analyses import the evidence, and the
procedures of the claims import the analyses.
"""
