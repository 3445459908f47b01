"""`python -m physim` is the command `physim`."""

from physim.cli import main

if __name__ == "__main__":
    main()
