"""The Antminer S9: 189 chips on three boards, under bmminer or LuxOS."""
