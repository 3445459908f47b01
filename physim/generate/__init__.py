"""What exists before time starts: spheroids of cells and networks of collagen fibers, fixed by a seed."""
