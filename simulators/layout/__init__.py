"""How the demo city is laid out. Enters: outlines of districts and a seed; leaves: roads, places and devices.

Everything here is schematic (示意): outlines of districts are real, a few street names are real, nothing else is.
"""
