"""A thread in a network namespace of its own; whatever it starts is in there too."""

import ctypes
import os
import shutil
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

CLONE_NEWNET = 0x40000000
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


class Namespace:
    """`do` runs a function in there, and returns what it returns."""

    def __init__(self, *addresses):
        if os.geteuid() != 0:
            pytest.skip("only root can make network namespaces: nothing about whitelists was tested")
        for program in ("ip", "nft"):
            if not shutil.which(program, path=PATH):
                pytest.skip(f"`{program}` is not installed: nothing about whitelists was tested")
        self._executor = ThreadPoolExecutor(1)
        self.do(self._enter, addresses)

    @staticmethod
    def _enter(addresses):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "cannot make a network namespace")
        for arguments in (["link", "set", "lo", "up"], *(["addr", "add", address, "dev", "lo"] for address in addresses)):
            subprocess.run(["ip", *arguments], check=True, env={**os.environ, "PATH": PATH})

    def do(self, function, *arguments, **options):
        return self._executor.submit(function, *arguments, **options).result()

    def relay(self, address, target):
        """From an address inside to one outside; returns the socket, whose end ends it."""
        listener = self.do(socket.create_server, address)
        threading.Thread(target=_serve, args=(listener, target), daemon=True).start()
        return listener

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._executor.shutdown()


def _serve(listener, target):
    while True:
        try:
            inside, _ = listener.accept()
        except OSError:
            return
        outside = socket.create_connection(target)
        for ends in ((inside, outside), (outside, inside)):
            threading.Thread(target=_copy, args=ends, daemon=True).start()


def _copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        sink.close()
