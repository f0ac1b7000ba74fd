"""lossproof: conformance suite and executable specification for loss functions."""

__version__ = "0.1.0"
