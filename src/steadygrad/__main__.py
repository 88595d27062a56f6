"""`python -m steadygrad`: the command line."""

from steadygrad.cli import main

if __name__ == "__main__":
    main()
