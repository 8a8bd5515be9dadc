"""Stands in for mlopen's own package, as far as control files use it: `utils`, and `pipelines` for their helpers."""
