"""The notebooks of a folder, run from top to bottom and rendered: `python -m asicrc.report.notebooks FOLDER`.

Needs the extra `notebooks` (jupytext, nbclient, nbconvert, ipykernel).
"""
