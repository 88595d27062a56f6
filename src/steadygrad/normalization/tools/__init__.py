"""Tools on any model with normalization: look, calibrate, freeze, fold, replace."""
