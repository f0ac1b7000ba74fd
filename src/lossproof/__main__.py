"""`python -m lossproof`."""

from lossproof.conformance.cli import main

if __name__ == "__main__":
    main()
