"""Detector periods, camera events, drones' views and calls enter; traffic incidents tied along the road leave."""

from __future__ import annotations

from scenes.travel.scene import Travel

__all__ = ["Travel"]
