"""The thermodynamic probability filter: early abort of hashes, accounted with the hits that it loses.

The papers' name TPF (arXiv 2601.12032) is kept for the command. A filter looks at a hash after k of n rounds
and continues or aborts it; what it saves means nothing without the share of hits that it keeps.
"""

from asicrc.filtering.accounting import FilterAccount, account

__all__ = ["FilterAccount", "account"]
