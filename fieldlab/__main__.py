"""``python -m fieldlab``."""

import sys

from fieldlab.cli import main

sys.exit(main())
