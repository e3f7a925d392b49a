"""The work server that network miners are pointed at."""

from asicrc.transports.tcp_receiver import ListenAddress
from asicrc.work.stratum_server.arrivals import Arrived
from asicrc.work.stratum_server.limits import ServerLimits
from asicrc.work.stratum_server.miner import MinerConnection
from asicrc.work.stratum_server.server import WorkServer

__all__ = ["Arrived", "ListenAddress", "MinerConnection", "ServerLimits", "WorkServer"]
