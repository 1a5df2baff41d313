"""``python -m mmsrdl`` is the command ``mmsrdl``; torchrun starts it by this name."""

import sys

from mmsrdl.cli import main

if __name__ == "__main__":
    sys.exit(main())
