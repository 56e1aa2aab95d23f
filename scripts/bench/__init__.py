"""Benchmarks: the product's hot paths as ratios against the raw limit measured in the same run."""
