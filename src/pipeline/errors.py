"""The one error that a wrong input raises."""


class PipelineError(Exception):
    """Something the user must act on: one line that says what is wrong, where, and what to do.

    The command line prints it without a traceback and exits with status 2.
    """
