"""``python -m mlcore.cli`` does what the command ``mlcore`` does."""

import sys

from mlcore.cli import main

sys.exit(main())
