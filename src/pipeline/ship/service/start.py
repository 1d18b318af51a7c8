"""The image's program: it looks whether the model can be loaded, then becomes BentoML's server.

BentoML's own process goes on without a worker where the service can't start, so that a container that will never
answer looks alive. Here it ends at once, with the reason as its last line.
"""

import os
import sys
from pathlib import Path

from pipeline.core.errors import PipelineError
from pipeline.ship.service import predictor

SERVER = ("bentoml", "serve", "pipeline.ship.service.app:Service", "--host", "0.0.0.0", "--port", "3000")  # noqa: S104


def main() -> None:
    """Exit status 2 with one line where the files in the image can't be served."""
    try:
        predictor.load(Path())
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    os.execvp(SERVER[0], SERVER)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
