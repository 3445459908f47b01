"""Numbers measured on a state or a run: the pores, valence and order of a fiber network, what cells do."""
