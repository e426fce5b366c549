"""``python -m holdfire``."""

import sys

from holdfire.cli import main

if __name__ == "__main__":
    sys.exit(main())
