"""Laws of a mining device: heat, power, voltage and clock, crystal, variation, and effects to plant.

No clock and no I/O: `step` says how much time went by. The equations, the numbers and where they are from
stand in README.md beside this file.
"""

from simulators.models.effects import Effects
from simulators.models.machines import MACHINES, Machine
from simulators.models.physics import DevicePhysics
from simulators.models.population import Variation

__all__ = ["MACHINES", "DevicePhysics", "Effects", "Machine", "Variation"]
