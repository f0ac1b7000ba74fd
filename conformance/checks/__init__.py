"""The checks, one file each; `conformance.check.checks()` collects them."""
