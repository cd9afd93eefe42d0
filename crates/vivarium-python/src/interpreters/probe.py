# Says what an interpreter is and which files of the host it needs. Run with `-I -S -c`; prints one line of JSON.
import json
import os
import struct
import sys
import sysconfig

# Their shared libraries show where the host keeps libraries.
for name in ("_ctypes", "_ssl", "_hashlib", "_sqlite3", "_lzma", "_bz2", "zlib", "pyexpat", "_uuid", "_decimal", "math"):
    try:
        __import__(name)
    except ImportError:
        pass


def mapped_libraries():
    found = set()
    with open("/proc/self/maps") as lines:
        for line in lines:
            path = line.rstrip("\n").partition("/")
            if path[1] and ".so" in os.path.basename(path[2]):
                found.add("/" + path[2])
    return sorted(found)


def loader(executable):
    with open(executable, "rb") as file:
        head = file.read(64)
        if head[:6] != b"\x7fELF\x02\x01":
            return None
        offset, = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        for index in range(count):
            file.seek(offset + index * size)
            entry = file.read(size)
            if struct.unpack_from("<I", entry)[0] == 3:  # PT_INTERP
                start, = struct.unpack_from("<Q", entry, 8)
                length, = struct.unpack_from("<Q", entry, 32)
                file.seek(start)
                return file.read(length).rstrip(b"\0").decode()
    return None


print(json.dumps({
    "implementation": sys.implementation.name,
    "version": list(sys.version_info[:3]),
    "release": sys.version_info[3] == "final",
    "prefix": sys.base_prefix,
    "standard_library": [
        os.path.realpath(path)
        for path in {sysconfig.get_path("stdlib"): 0, sysconfig.get_path("platstdlib"): 0}
    ],
    "search_path": sys.path,
    "extension_suffix": sysconfig.get_config_var("EXT_SUFFIX"),
    "libraries": mapped_libraries(),
    "loader": loader(os.path.realpath(sys.executable)),
    "byte_compiled": os.path.isdir(os.path.join(os.path.dirname(os.__file__), "__pycache__")),
}))
