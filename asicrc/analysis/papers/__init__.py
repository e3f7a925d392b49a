"""The papers' own quantities as they define them, with what is wrong with each and what can be said instead.

arXiv:2601.01916 is called H in what follows, arXiv:2601.12032 is called S.
"""
