"""physim: off-lattice 3D physics of how cancer cells invade and metastasise together."""

__version__ = "0.1.0"
