"""`python -m trainlab` is `trainlab`."""

import sys

from trainlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
