"""The common test of every method, and toy domains."""

from tlkeras.testing import common
from tlkeras.testing.common import Case
from tlkeras.testing.toy import rotated_moons, shifted_blobs

__all__ = ["Case", "common", "rotated_moons", "shifted_blobs"]
