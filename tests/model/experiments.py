"""All experiments by name: those that must break something, and those that must hold."""

from tests.model.breaks import BREAKS
from tests.model.holds import HOLDS

EXPERIMENTS = BREAKS | HOLDS

__all__ = ["BREAKS", "EXPERIMENTS", "HOLDS"]
