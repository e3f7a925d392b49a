"""The prefetching proxy, the papers' Virtual Block Manager: miners on one side, pools on the other.

It keeps jobs ahead, so that a miner never waits for the network: each pool's job is made into as many as
are wanted, for each miner its own part of the extranonce. README.md beside this file tells how.
"""
