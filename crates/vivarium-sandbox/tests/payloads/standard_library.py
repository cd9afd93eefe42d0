"""Uses what scripts use of the standard library; prints the name of each part that worked."""
import multiprocessing
import os
import sys


def square(number):
    return number * number


def threads():
    import queue
    import threading
    from concurrent.futures import ThreadPoolExecutor

    done = queue.Queue()
    thread = threading.Thread(target=lambda: done.put(threading.get_native_id()), name="worker")
    thread.start()
    thread.join(10)
    assert done.get(timeout=10) > 0
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(square, range(10))) == 285


def subprocesses():
    import subprocess

    code = "import sys; print(sys.stdin.read() * 2)"
    for options in ({}, {"start_new_session": True}, {"close_fds": False}, {"preexec_fn": os.getpid}):
        done = subprocess.run([sys.executable, "-IS", "-c", code], input="x", text=True, capture_output=True, **options)
        assert done.stdout == "xx\n", done
    assert subprocess.check_output("echo $((1 + 1))", shell=True) == b"2\n"
    assert os.waitstatus_to_exitcode(os.system("exit 3")) == 3
    child = os.posix_spawn(sys.executable, [sys.executable, "-ISc", "pass"], {})
    assert os.waitpid(child, 0)[1] == 0


def processes_by(method):
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]
    queue = context.Queue()
    lock, event = context.Lock(), context.Event()
    with lock:
        event.set()
    process = context.Process(target=queue.put, args=("sent",))
    process.start()
    assert queue.get(timeout=30) == "sent"
    process.join(30)
    assert process.exitcode == 0
    with context.Manager() as manager:
        shared = manager.dict(a=1)
        assert shared["a"] == 1


def fork():
    processes_by("fork")


def spawn():
    processes_by("spawn")


def forkserver():
    processes_by("forkserver")


def process_pool():
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, range(3))) == [0, 1, 4]


def asynchronous():
    import asyncio
    import signal

    async def serve(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def main():
        loop = asyncio.get_running_loop()
        got = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, got.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.wait_for(got.wait(), 10)
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"line\n")
        assert await reader.readline() == b"line\n"
        server.close()
        unix = await asyncio.start_unix_server(serve, "/tmp/server")
        reader, writer = await asyncio.open_unix_connection("/tmp/server")
        writer.write(b"line\n")
        assert await reader.readline() == b"line\n"
        unix.close()
        child = await asyncio.create_subprocess_exec(sys.executable, "-ISc", "print(1)", stdout=-1)
        assert (await child.communicate())[0] == b"1\n"
        assert await asyncio.to_thread(square, 3) == 9

    asyncio.run(main())


def pidfd():
    import select
    import signal

    child = os.fork()
    if child == 0:
        signal.pause()
    handle = os.pidfd_open(child)
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    assert select.select([handle], [], [], 10)[0] == [handle]
    assert os.waitid(os.P_PIDFD, handle, os.WEXITED).si_status == signal.SIGKILL


def sqlite():
    import sqlite3

    for name in (":memory:", "/tmp/base.db"):
        base = sqlite3.connect(name)
        base.execute("pragma journal_mode=wal")
        base.execute("create table t (x)")
        base.executemany("insert into t values (?)", [(n,) for n in range(100)])
        base.commit()
        assert base.execute("select sum(x) from t").fetchone() == (4950,)
        base.close()


def tls():
    import hashlib
    import ssl

    ssl.create_default_context()
    assert len(ssl.RAND_bytes(8)) == 8
    assert hashlib.sha256(b"").hexdigest().startswith("e3b0")


def files():
    import fcntl
    import shutil
    import tarfile
    import tempfile
    import zipfile

    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryFile() as unnamed:
        unnamed.write(b"x" * 10000)
        unnamed.truncate(5)
        path = os.path.join(place, "file")
        with open(path, "w+b") as file, tempfile.NamedTemporaryFile() as named:
            fcntl.flock(file, fcntl.LOCK_EX)
            fcntl.lockf(named, fcntl.LOCK_EX)
            file.write(b"content")
            os.fsync(file.fileno())
            os.posix_fallocate(file.fileno(), 0, 4096)
            os.truncate(path, 7)
        shutil.copy2(path, path + "2")
        shutil.copytree(place, place + "/tree", ignore=shutil.ignore_patterns("tree"))
        os.chmod(path, 0o600)
        os.chown(path, os.getuid(), os.getgid())
        os.utime(path, (1e9, 1e9))
        os.link(path, path + "3")
        os.symlink(path, path + "4")
        os.mkfifo(path + "5")
        os.rename(path + "3", place + "/tree/moved")
        os.replace(path + "2", path)
        for kind, read in (("zip", zipfile.ZipFile), ("gztar", tarfile.open)):
            read(shutil.make_archive("/tmp/archive", kind, place + "/tree")).close()
        with open(path, "rb") as source, open(path + "6", "wb") as target:
            os.sendfile(target.fileno(), source.fileno(), 0, 7)
        assert open(path + "6").read() == "content"
        assert shutil.disk_usage("/tmp").total > 0 and os.statvfs("/tmp").f_bsize > 0
        assert sorted(os.listdir(place))[0] == "file" and os.path.realpath(path) == path
    open("/dev/null", "w").write("x")
    assert not os.isatty(1) and shutil.get_terminal_size().columns > 0


def memory():
    import mmap
    from multiprocessing import shared_memory

    mapping = mmap.mmap(-1, 1 << 20)
    mapping.write(b"x")
    mapping.resize(2 << 20)
    mapping.madvise(mmap.MADV_DONTNEED)
    mapping.close()
    with open("/tmp/mapped", "w+b") as file:
        file.truncate(4096)
        with mmap.mmap(file.fileno(), 4096) as mapping:
            mapping[0] = 1
            mapping.flush()
    block = shared_memory.SharedMemory(create=True, size=4096)
    same = shared_memory.SharedMemory(block.name)
    block.buf[0] = 7
    assert same.buf[0] == 7
    same.close()
    block.close()
    block.unlink()
    unnamed = os.memfd_create("name")
    os.ftruncate(unnamed, 10)
    os.close(unnamed)


def waiting():
    import select
    import selectors
    import socket

    here, there = socket.socketpair()
    there.send(b"x")
    assert select.select([here], [], [], 1)[0] == [here]
    poll = select.poll()
    poll.register(here, select.POLLIN)
    assert poll.poll(1000)
    with select.epoll() as epoll:
        epoll.register(here, select.EPOLLIN)
        assert epoll.poll(1)
    selector = selectors.DefaultSelector()
    selector.register(here, selectors.EVENT_READ)
    assert selector.select(1)
    if hasattr(os, "eventfd"):
        event = os.eventfd(1)
        assert os.eventfd_read(event) == 1
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_inheritable(writer, True)
    if hasattr(os, "splice"):
        os.write(writer, b"1234")
        other_reader, other_writer = os.pipe()
        assert os.splice(reader, other_writer, 4) == 4


def inotify():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(0o4000)
    assert watch >= 0 and libc.inotify_add_watch(watch, b"/tmp", 0x100) > 0, ctypes.get_errno()
    open("/tmp/created", "w").close()
    assert b"created" in os.read(watch, 4096)
    timer = libc.timerfd_create(1, 0)
    assert timer >= 0, ctypes.get_errno()


def signals():
    import signal
    import time

    seen = []
    signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()
    signal.alarm(1)
    signal.alarm(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    os.kill(os.getpid(), signal.SIGUSR2)
    assert signal.sigpending() == {signal.SIGUSR2}
    assert signal.sigtimedwait([signal.SIGUSR2], 1).si_signo == signal.SIGUSR2
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
    time.sleep(0.001)
    assert seen == [1]


def limits():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    assert resource.prlimit(0, resource.RLIMIT_NOFILE) == (soft - 1, hard)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    assert os.nice(1) >= 1 and os.getpriority(os.PRIO_PROCESS, 0) >= 1
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    assert len(processors) >= 1 and os.cpu_count() >= 1 and os.getloadavg is not None
    assert os.times().user >= 0 and os.sysconf("SC_PAGE_SIZE") >= 4096


def clocks():
    import datetime
    import time
    import zoneinfo

    assert time.time() > 0 and time.monotonic() > 0 and time.process_time() >= 0 and time.thread_time() >= 0
    assert time.clock_getres(time.CLOCK_MONOTONIC) > 0
    if zoneinfo.available_timezones():
        assert zoneinfo.ZoneInfo("Europe/Berlin").utcoffset(datetime.datetime(2024, 7, 1)).seconds == 7200


def foreign_functions():
    import ctypes

    libc = ctypes.CDLL(None)
    order = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    libc.qsort(numbers, 3, ctypes.sizeof(ctypes.c_int), order(lambda a, b: a[0] - b[0]))
    assert list(numbers) == [1, 2, 3]


def networking():
    import http.server
    import socket
    import threading
    import urllib.request

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.chdir("/tmp")
    open("/tmp/page", "w").write("page")
    assert urllib.request.urlopen("http://127.0.0.1:%d/page" % server.server_address[1], timeout=10).read() == b"page"
    server.shutdown()
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind(("::1", 0))
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    tcp = socket.create_server(("127.0.0.1", 0))
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tcp.settimeout(0.01)
    assert socket.if_nameindex() == [(1, "lo")]
    assert socket.if_nametoindex("lo") == 1 and socket.if_indextoname(1) == "lo"
    assert socket.getaddrinfo("127.0.0.1", 80)
    assert socket.gethostname() == os.uname().nodename
    try:
        socket.getaddrinfo("name.invalid", 80)
    except socket.gaierror:
        pass
    here, there = socket.socketpair()
    socket.send_fds(here, [b"x"], [1])
    assert len(socket.recv_fds(there, 1, 1)[1]) == 1


def chance():
    import random
    import secrets
    import uuid

    assert len(os.getrandom(8)) == len(os.urandom(8)) == len(secrets.token_bytes(8)) == 8
    assert random.SystemRandom().random() < 1 and uuid.uuid1() != uuid.uuid4()


def faults():
    import faulthandler
    import subprocess

    with open("/tmp/faults", "w") as file:
        faulthandler.enable(file)
        faulthandler.dump_traceback_later(60, file=file)
        faulthandler.cancel_dump_traceback_later()
        faulthandler.dump_traceback(file)
        faulthandler.disable()
    code = "import faulthandler, os; faulthandler.enable(); os.abort()"
    done = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True)
    assert done.returncode == -6 and "Fatal Python error: Aborted" in done.stderr, done


def machine():
    import getpass
    import locale
    import platform
    import sysconfig

    assert platform.platform() and sysconfig.get_platform() and locale.getlocale()
    os.environ["USER"] = "sandbox"
    assert getpass.getuser() == "sandbox" and os.getgroups() == [] and os.getlogin is not None


PARTS = [threads, subprocesses, fork, spawn, forkserver, process_pool, asynchronous, pidfd, sqlite, tls, files, memory]
PARTS += [waiting, inotify, signals, limits, clocks, foreign_functions, networking, chance, faults, machine]

if __name__ == "__main__":
    import traceback

    for part in PARTS:
        try:
            part()
            print(part.__name__, flush=True)
        except BaseException:
            print("broken in", part.__name__, file=sys.stderr)
            traceback.print_exc()
