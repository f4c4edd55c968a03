"""Step-up is asked at any door; the rooms of accounts know it by this name."""

from sidecar.gate.stepup import FRESH, StepUp, need_fresh

__all__ = ["FRESH", "StepUp", "need_fresh"]
