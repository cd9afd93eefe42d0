# Works on one source distribution; pid 1 of an instance. The argument is one JSON object, the answer goes to
# descriptor 3: a line of JSON, then the bytes of a wheel. Nothing that comes after the first import of the backend
# can be trusted by whoever reads the answer.
import json
import os
import posixpath
import shutil
import site
import sys
import tarfile
import zipfile

ARCHIVE = "/vivarium/source"
ENVIRONMENT = "/environment"
WORK = "/home/sandbox/source"
RESULT = "/home/sandbox/wheel"
MAXIMUM_MEMBERS = 100_000
MAXIMUM_PROJECT_BYTES = 256 << 10


def answer(head, body=b""):
    with os.fdopen(3, "wb", closefd=False) as control:
        control.write(json.dumps(head).encode() + b"\n")
        control.write(body)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def refuse(reason):
    answer({"refused": reason})


def inside(name):
    """The path for a member below WORK."""
    plain = posixpath.normpath(name)
    if name.startswith("/") or plain == ".." or plain.startswith("../") or "\0" in name:
        refuse(f"its archive names the path {name[:200]!r}, which lies outside of it")
    return posixpath.join(WORK, plain)


def place(path, stream, executable=False):
    os.makedirs(posixpath.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(stream, file)
    if executable:
        os.chmod(path, 0o755)


def link(member, path):
    target = member.linkname
    base = posixpath.dirname(member.name) if member.issym() else ""
    source = inside(posixpath.join(base, target) if not target.startswith("/") else target)
    os.makedirs(posixpath.dirname(path), exist_ok=True)
    if member.issym():
        os.symlink(target, path)
    else:
        os.link(source, path, follow_symlinks=False)


def unpack_tar():
    with tarfile.open(ARCHIVE) as archive:
        for count, member in enumerate(archive):
            if count >= MAXIMUM_MEMBERS:
                refuse("its archive has too many members")
            path = inside(member.name)
            if member.isdir():
                os.makedirs(path, exist_ok=True)
            elif member.isreg():
                place(path, archive.extractfile(member), member.mode & 0o100)
            elif member.issym() or member.islnk():
                link(member, path)
            else:
                refuse(f"its archive holds {member.name[:200]!r}, which is neither file, directory nor link")


def unpack_zip():
    with zipfile.ZipFile(ARCHIVE) as archive:
        members = archive.infolist()
        if len(members) > MAXIMUM_MEMBERS:
            refuse("its archive has too many members")
        for member in members:
            path = inside(member.filename)
            if member.is_dir():
                os.makedirs(path, exist_ok=True)
            else:
                with archive.open(member) as stream:
                    place(path, stream)


def unpack():
    """The directory of the project, which is the only one at the top of the archive."""
    os.mkdir(WORK)
    try:
        unpack_zip() if zipfile.is_zipfile(ARCHIVE) else unpack_tar()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        refuse(f"its archive cannot be unpacked: {error}")
    top = os.listdir(WORK)
    if len(top) == 1 and os.path.isdir(posixpath.join(WORK, top[0])):
        return posixpath.join(WORK, top[0])
    return WORK


def read_project(directory):
    try:
        with open(posixpath.join(directory, "pyproject.toml"), encoding="utf-8") as file:
            text = file.read(MAXIMUM_PROJECT_BYTES + 1)
    except FileNotFoundError:
        answer({"project": None})
    except (OSError, ValueError) as error:
        refuse(f"its pyproject.toml cannot be read: {error}")
    if len(text) > MAXIMUM_PROJECT_BYTES:
        refuse("its pyproject.toml is too large")
    answer({"project": text})


def load_backend(order, directory):
    paths = [posixpath.join(directory, path) for path in order["backend_path"]]
    site.addsitedir(ENVIRONMENT)
    sys.path[:0] = paths
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, ENVIRONMENT])
    module, _, attributes = order["backend"].partition(":")
    __import__(module)
    backend = sys.modules[module]
    for attribute in filter(None, attributes.split(".")):
        backend = getattr(backend, attribute)
    return backend


def build(order, directory):
    os.chdir(directory)
    sys.argv[1:] = []
    backend = load_backend(order, directory)
    if not order["last"] and hasattr(backend, "get_requires_for_build_wheel"):
        wanted = list(backend.get_requires_for_build_wheel({}))
        if wanted:
            answer({"wanted": wanted})
    os.mkdir(RESULT)
    name = backend.build_wheel(RESULT, {}, None)
    with open(posixpath.join(RESULT, posixpath.basename(name)), "rb") as file:
        answer({"wheel": posixpath.basename(name)}, file.read())


def main():
    order = json.loads(sys.argv[1])
    directory = unpack()
    if order["backend"] is None:
        read_project(directory)
    build(order, directory)


main()
