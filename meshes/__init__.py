"""Geometry: making, importing, checking and repairing vessel networks and surfaces (arrives with the vessels)."""
