"""Why another server could not be asked, in the few words at the bottom of a client's stack of exceptions."""


def cause(error: BaseException) -> str:
    """What the innermost exception says, such as `Connection refused`."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
