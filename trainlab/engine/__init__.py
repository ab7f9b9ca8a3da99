"""The training itself: one generator loop over an experiment, and what it is made of."""
