"""The specification as a static site: data in, pages out."""
