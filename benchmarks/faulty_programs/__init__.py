"""Real faulty training programs, rebuilt from public records, and the scripts that score a detector on them."""
