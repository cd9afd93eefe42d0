# A zygote as `vivarium_sandbox::Zygote` describes it, which can be told to cheat. Standard library only.
import array, ctypes, json, os, socket, sys, time

CHEAT = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
kept = []


def pointer(data):
    buffer = ctypes.create_string_buffer(data, len(data))
    kept.append(buffer)
    return ctypes.addressof(buffer)


def argument(given):
    if isinstance(given, int):
        return ctypes.c_long(given)
    if "hex" in given:
        return ctypes.c_long(pointer(bytes.fromhex(given["hex"])))
    code = bytes.fromhex(given["instructions"])
    header = (len(code) // 8).to_bytes(8, sys.byteorder) + pointer(code).to_bytes(8, sys.byteorder)
    return ctypes.c_long(pointer(header))


def call(number, *arguments):
    if libc.syscall(ctypes.c_long(number), *arguments) == -1:
        raise OSError(ctypes.get_errno(), "system call %d" % number)


def skipped(step):
    return CHEAT == step["layer"] or CHEAT == step["step"]


def become(walls, cell, streams, rules):
    for descriptor, flag in zip(cell, walls["namespaces"]):
        if CHEAT != "namespace %d" % flag:
            call(walls["setns"], ctypes.c_long(descriptor), ctypes.c_long(flag))
    pid = os.fork()
    if pid:
        os.write(streams[3], b"pid %d\n" % (1 if CHEAT == "another pid" else pid))
        os._exit(0)
    if CHEAT == "die":
        os._exit(1)
    for descriptor, number in zip(streams + rules, (1, 2, 3, 4, 5)):
        os.dup2(descriptor, number, number <= 2)
    os.chdir(walls["working_directory"])
    for step in walls["steps"]:
        if not skipped(step):
            call(step["number"], *[argument(given) for given in step["arguments"]])
    while CHEAT == "flood":
        os.write(4, b"pid 1" * 100)
    if CHEAT == "descriptor":
        os.open("/dev/null", os.O_RDONLY)
    os.write(4, b"gibberish\n" if CHEAT == "gibberish" else b"ready\n")
    os.close(4)


def script():
    # Until it is spoken to it opens nothing: it is being looked at.
    word = os.read(3, 100)
    status = open("/proc/self/status").read().splitlines()
    print(os.getpid(), os.getuid(), os.listdir("/tmp"), sorted(os.listdir("/proc/self/fd"))[:4], flush=True)
    print([line for line in status if line.startswith(("CapEff", "NoNewPrivs"))], flush=True)
    open("/tmp/mark", "w").close()
    if word == b"fork":
        if os.fork() == 0:
            time.sleep(600)
    if word == b"wait":
        time.sleep(600)
    os._exit(7)


channel = socket.socket(fileno=3)
walls = json.loads(channel.recv(1 << 20))
own = len(walls["namespaces"])
while True:
    if CHEAT == "hang":
        time.sleep(600)
    data, parts, _, _ = channel.recvmsg(16, socket.CMSG_SPACE(64))
    if not data:
        sys.exit(0)
    given = array.array("i")
    for _, _, numbers in parts:
        given.frombytes(numbers)
    given = list(given)
    pid = os.fork()
    if not pid:
        try:
            become(walls, given[:own], given[own:own + 4], given[own + 4:])
        except OSError as error:
            os.write(given[own + 3], ("failed %s\n" % error).encode())
            os._exit(1)
        script()
    for descriptor in given:
        os.close(descriptor)
    os.waitpid(pid, 0)
