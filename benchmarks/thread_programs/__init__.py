"""Programs that people asked about in public threads because they would not train, rebuilt in PyTorch from facts."""
