"""Where the largest eigenvalue of pure noise lies, so that what lies beyond it is signal.

The bulk ends at the edge of Marchenko and Pastur 1967; the largest one of a finite sample fluctuates about it
by the law of Tracy and Widom, which gives the cut its level (Johnstone 2001, 2008; centring of Ma 2012).
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats


def noise_edge(steps: int, features: int, alpha: float = 0.05) -> float:
    """Largest eigenvalue of X'X, X (steps, features) independent noise of variance 1, at level 1 - `alpha`.

    The plain edge, (sqrt(steps) + sqrt(features))^2, is what it tends to.
    """
    n, p = max(steps, features) - 0.5, min(steps, features) - 0.5
    centre = (np.sqrt(n) + np.sqrt(p)) ** 2
    width = np.sqrt(centre) * (1 / np.sqrt(n) + 1 / np.sqrt(p)) ** (1 / 3)
    return float(centre + width * tracy_widom_quantile(alpha))


def noise_edge_against_noise(steps: int, features: int, noise_steps: int, alpha: float = 0.05) -> float:
    """Largest root of A against A + B, both noise of one unknown covariance, at level 1 - `alpha`.

    A is of `steps`, B of `noise_steps` >= `features` degrees of freedom (Johnstone 2008).
    """
    total = steps + noise_steps - 1
    gamma = 2 * np.arcsin(np.sqrt((min(features, steps) - 0.5) / total))
    phi = 2 * np.arcsin(np.sqrt((max(features, steps) - 0.5) / total))
    centre = 2 * np.log(np.tan((phi + gamma) / 2))
    width = (16 / total**2 / (np.sin(phi + gamma) ** 2 * np.sin(phi) * np.sin(gamma))) ** (1 / 3)
    return float(special.expit(centre + width * tracy_widom_quantile(alpha)))


def tracy_widom_quantile(alpha: float) -> float:
    """Upper quantile of the Tracy-Widom law of order 1, by its gamma approximation (Chiani 2014), to 0.01."""
    return float(stats.gamma.isf(alpha, 46.446, scale=0.186054) - 9.84801)
