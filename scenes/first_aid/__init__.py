"""Calls, unit positions, link speeds and hospital loads enter; planned emergencies and coverage gaps leave."""

from __future__ import annotations

from scenes.first_aid.scene import FirstAid

__all__ = ["FirstAid"]
