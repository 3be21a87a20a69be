"""Benchmarks: ratios within one run, never asserted by a timed test."""
