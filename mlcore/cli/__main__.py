"""Entry point of ``python -m mlcore.cli``, equal to the command ``mlcore``."""

import sys

from mlcore.cli import main

sys.exit(main())
