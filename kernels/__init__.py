"""The OpenCL: one file per physics term, with the same name as its declaration in `physim/terms/`."""
