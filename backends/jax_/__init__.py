"""The JAX backend: losses on `jax.numpy` and `jax.nn`."""
