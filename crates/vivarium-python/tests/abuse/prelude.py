import errno, os, sys


def refuse(name, act, *arguments):
    """Says the name of what the kernel should have refused. Mistakes of the test itself are no refusal."""
    try:
        act(*arguments)
    except OSError:
        return
    print("not refused:", name)


def refuse_path(path, *flags):
    for flag in flags:
        refuse("%s with flags %d" % (path, flag), lambda: os.close(os.open(path, flag)))


def call(name, *arguments):
    """A function of the C library that says -1 for a failure, called without any care for its arguments."""
    import ctypes
    result = getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result


def writable_places():
    """Every directory below the root in which a file can be made."""
    for top, names, _ in os.walk("/"):
        names[:] = [name for name in names if os.path.join(top, name) != "/proc"]
        try:
            os.close(os.open(os.path.join(top, ".probe"), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except OSError:
            continue
        os.unlink(os.path.join(top, ".probe"))
        yield top


