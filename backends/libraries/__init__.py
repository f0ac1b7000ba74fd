"""Third-party libraries as backends: each file adapts the losses of one library.

Adapters rename, reorder and reshape what is handed over, and state as `dialect` what the library
documents. They mend nothing: where the library is wrong, so is the adapter.
"""
