# Loads what scripts of a runtime import, and forks instances on command; `vivarium_sandbox::Zygote` says what comes in
# on descriptor 3. Python 3.8 or later, standard library only, one thread.
#
# How far it is goes to standard error, a line of JSON each: what could not be loaded, and that it is ready.
import posix
import sys

HARNESS = "/vivarium/harness.py"
MODULES = "/vivarium/modules"
CHANNEL, OUTPUT, ERRORS, CONTROL, WORDS, RULES = 3, 1, 2, 3, 4, 5
MESSAGE_BYTES = 1 << 20
DESCRIPTORS = 16
STREAMS = 4
REHEARSALS = 20

harness = {"__name__": "harness"}
with open(HARNESS) as file:
    exec(compile(file.read(), HARNESS, "exec"), harness)
parse, dumps = harness["parse"], harness["dumps"]


class Failed(Exception):
    pass


class Kernel:
    # The one way to system calls that the interpreter has no function for.

    def __init__(self):
        import ctypes
        self.library = ctypes.CDLL(None, use_errno=True)
        self.library.syscall.restype = ctypes.c_long
        self.ctypes = ctypes
        self.kept = []

    def argument(self, given):
        if isinstance(given, int):
            return self.ctypes.c_long(given)
        if "hex" in given:
            return self.pointer(bytes.fromhex(given["hex"]))
        code = bytes.fromhex(given["instructions"])
        count, address = len(code) // 8, self.pointer(code).value
        return self.pointer(count.to_bytes(8, sys.byteorder) + address.to_bytes(8, sys.byteorder))

    def pointer(self, data):
        buffer = self.ctypes.create_string_buffer(data, len(data))
        self.kept.append(buffer)
        return self.ctypes.c_long(self.ctypes.addressof(buffer))

    def call(self, what, number, arguments):
        if self.library.syscall(number, *arguments) == -1:
            raise Failed("%s: %s" % (what, posix.strerror(self.ctypes.get_errno())))


class Walls:
    def __init__(self, kernel, given):
        self.kernel, self.directory = kernel, given["working_directory"]
        number = kernel.ctypes.c_long
        self.setns, self.namespaces = number(given["setns"]), [number(flag) for flag in given["namespaces"]]
        self.steps = [
            ("%s: %s" % (step["layer"], step["step"]), number(step["number"]),
             [kernel.argument(argument) for argument in step["arguments"]])
            for step in given["steps"]]

    def enter(self, descriptors):
        for descriptor, flag in zip(descriptors, self.namespaces):
            self.kernel.call("enter a namespace", self.setns, [self.kernel.ctypes.c_long(descriptor), flag])

    def rehearse(self):
        # There is no such namespace.
        try:
            self.enter([-1])
        except Failed:
            pass

    def lock(self):
        posix.chdir(self.directory)
        for what, number, arguments in self.steps:
            self.kernel.call(what, number, arguments)


def threads():
    return len(posix.listdir("/proc/self/task"))


def say(report, **what):
    posix.write(report, dumps(what).encode("utf-8", "replace") + b"\n")


def load(names, report):
    for name in names:
        try:
            __import__(name)
        except BaseException:
            say(report, unloadable=name)
        if threads() > 1:
            # A fork would copy one thread only, with the locks of all.
            say(report, threads=name)
            posix._exit(1)


def keep_quiet():
    # Nobody reads what modules print when they are loaded.
    report, nothing = posix.dup(ERRORS), posix.open("/dev/null", posix.O_RDWR)
    for descriptor in (OUTPUT, ERRORS):
        posix.dup2(nothing, descriptor, False)
    posix.close(nothing)
    return report


def use_threads(count):
    # While modules were loaded they had to do with one.
    import os
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
        os.environ[name + "_NUM_THREADS"] = count
    os.environ["POLARS_MAX_THREADS"] = count


def received(channel, space):
    data, parts, _, _ = channel.recvmsg(16, space)
    if not data:
        posix._exit(0)
    return [descriptor for _, _, numbers in parts for descriptor in memoryview(numbers).cast("i")]


def reseed():
    # What would be the same in every fork. `random` and `tempfile` see to it by themselves.
    seed = posix.urandom(32)
    numpy, ssl = sys.modules.get("numpy.random"), sys.modules.get("_ssl")
    process = sys.modules.get("multiprocessing.process")
    if numpy:
        numpy.seed()
    if ssl:
        ssl.RAND_add(seed, 32.0)
    if process:
        process.current_process().authkey = seed


def fork_into(walls, descriptors):
    # Returns in the instance, and in nobody else.
    own = len(walls.namespaces)
    cell, streams, rules = descriptors[:own], descriptors[own:own + STREAMS], descriptors[own + STREAMS:]
    words = streams[-1]
    try:
        walls.enter(cell)
        pid = posix.fork()
        if pid:
            posix.write(words, b"pid %d\n" % pid)
            posix._exit(0)
        for descriptor, number in zip(streams + rules, (OUTPUT, ERRORS, CONTROL, WORDS, RULES)):
            posix.dup2(descriptor, number, number <= ERRORS)
        words = WORDS
        walls.lock()
    except BaseException as error:
        posix.write(words, ("failed %s\n" % " ".join(str(error).split())).encode("utf-8", "replace"))
        posix._exit(1)
    posix.write(WORDS, b"ready\n")
    posix.close(WORDS)


def rehearse(walls, known):
    # The interpreter rewrites code that runs often, and the linker what is called first; each fork would do it anew, and
    # have pages of its own for it.
    for _ in range(REHEARSALS):
        harness["rehearse"](known)
        walls.rehearse()


def serve(channel, walls, space):
    while True:
        descriptors = received(channel, space)
        pid = posix.fork()
        if not pid:
            return fork_into(walls, descriptors)
        for descriptor in descriptors:
            posix.close(descriptor)
        posix.waitpid(pid, 0)


def main():
    import gc
    import _socket
    gc.disable()
    count = sys.argv[1]
    report = keep_quiet()
    parse("null")
    script, lines = harness["prepare"]()
    kernel = Kernel()
    channel = _socket.socket(fileno=CHANNEL)
    walls = Walls(kernel, parse(channel.recv(MESSAGE_BYTES).decode()))
    with open(MODULES) as file:
        load(file.read().split(), report)
    use_threads(count)
    known = frozenset(sys.modules)
    rehearse(walls, known)
    say(report, ready=True)
    gc.collect()
    gc.freeze()
    serve(channel, walls, _socket.CMSG_SPACE(4 * DESCRIPTORS))
    # Its descriptor is the instance's control by now.
    channel.detach()
    gc.enable()
    reseed()
    harness["main"](script, lines, known)


main()
