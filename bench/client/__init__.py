"""What the visitor's browser pays: ours beside the rivals, in one run."""
