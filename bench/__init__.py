"""Benchmarks: figures with the references they are held against, measured in the same run."""
