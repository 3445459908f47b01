"""Geometry of vessels: centerlines read and cleaned, the surface around them, patches of endothelium."""
