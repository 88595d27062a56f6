"""The chapters' experiments, one file each, on real data; `steadygrad lab list` names them."""
