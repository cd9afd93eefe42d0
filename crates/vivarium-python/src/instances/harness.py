# Runs one script as `__main__` and says on descriptor 3 how it ended. Python 3.8 or later, standard library only.
# Whatever costs time to import is imported only when it is needed.
#
# A request of no bytes means: do all that needs no script, say the same, wait for the request itself, and say once
# more that it is read before anything of it runs. What is said at the end comes after all output: nobody has to wait
# for the end of the process.
import posix
import sys

CONTROL = 3
SCRIPT = "<script>"
PACKAGES = "/environment"
MESSAGE_CHARACTERS = 1000
MODULES = 2000
NO_SPACE = 28


def exactly(size):
    parts = []
    while size:
        part = posix.read(CONTROL, min(size, 1 << 20))
        if not part:
            posix._exit(70)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Context:
    strict, object_hook, object_pairs_hook, parse_float, parse_int, parse_constant = True, None, None, float, int, float


def parse(text):
    try:
        import _json
        return _json.make_scanner(Context)(text, 0)[0]
    except (ImportError, AttributeError, TypeError):
        import json
        return json.loads(text)


def send(text):
    data = text.encode("utf-8", "replace")
    data = memoryview(len(data).to_bytes(4, "big") + data)
    try:
        while data:
            data = data[posix.write(CONTROL, data):]
    except OSError:
        pass


def forget_control():
    try:
        posix.close(CONTROL)
    except OSError:
        pass


class Lines:
    # Gives `linecache` the source as soon as anybody imports it: the script is no file.
    source = ""

    def find_spec(self, name, path=None, target=None):
        if name != "linecache":
            return None
        sys.meta_path.remove(self)
        specs = (finder.find_spec(name, path, target) for finder in sys.meta_path)
        spec = next((spec for spec in specs if spec), None)
        if spec:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                lines = self.source.splitlines(True)
                module.cache[SCRIPT] = (len(self.source), None, lines, SCRIPT)
            spec.loader.exec_module = exec_module
        return spec


def add_packages():
    names = posix.listdir(PACKAGES)
    if any(name.endswith(".pth") for name in names):
        import site
        site.addsitedir(PACKAGES)
    elif names:
        sys.path.append(PACKAGES)


def prepare():
    import builtins
    posix.set_inheritable(CONTROL, False)
    posix.register_at_fork(after_in_child=forget_control)
    builtins.exit = builtins.quit = sys.exit
    main = sys.modules["__main__"] = type(sys)("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.argv[:] = [SCRIPT]
    sys.path.insert(0, posix.getcwd())
    lines = Lines()
    sys.meta_path.insert(0, lines)
    add_packages()
    return main.__dict__, lines


def rehearse(known):
    # Touches the memory that every script needs, in a space of its own and with /dev/null for an output.
    output, nothing = posix.dup(1), posix.open("/dev/null", posix.O_WRONLY)
    posix.dup2(nothing, 1)
    text = '{"source":"def get_results(): return [1, \'x\']\\nprint(1)","shown":null,"values":{},"result_bytes":99}'
    space = {"__builtins__": sys.modules["builtins"]}
    completed(run(parse(text), space))
    learned(known)
    clear(space)
    posix.dup2(output, 1)
    posix.close(nothing)
    posix.close(output)


def take(known):
    size = int.from_bytes(exactly(4), "big")
    if size:
        return exactly(size)
    rehearse(known)
    send("")
    data = exactly(int.from_bytes(exactly(4), "big"))
    send("")
    return data


def takes_no_arguments(function):
    code = getattr(function, "__code__", None)
    if code is None or not isinstance(function, type(prepare)):
        return callable(function)
    optional = function.__kwdefaults__ or ()
    required = code.co_argcount - len(function.__defaults__ or ())
    return required <= 0 and all(name in optional for name in keywords(code))


def keywords(code):
    return code.co_varnames[code.co_argcount:code.co_argcount + code.co_kwonlyargcount]


def plain(value):
    for name in ("isoformat", "tolist", "item"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    if type(value).__module__ in ("decimal", "_decimal", "_pydecimal"):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError("a value of type `%s` has no form in JSON" % type(value).__qualname__)


class NoResult(Exception):
    pass


def dumps(value):
    try:
        import _json
        write = _json.make_encoder(
            {}, plain, _json.encode_basestring, None, ": ", ", ", False, False, False)
    except (ImportError, AttributeError, TypeError):
        import json
        return json.dumps(value, allow_nan=False, ensure_ascii=False, default=plain)
    return "".join(write(value, 0))


def json_of(value, limit):
    try:
        text = dumps(value)
        size = len(text.encode())
    except UnicodeEncodeError:
        import json
        text = json.dumps(value, allow_nan=False, default=plain)
        size = len(text)
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
        if reason.startswith("Out of range float"):
            reason = "JSON has no nan and no infinity"
        raise NoResult("`get_results()` returned what cannot become JSON: " + reason) from None
    if size > limit:
        raise NoResult("`get_results()` returned %d bytes of JSON, more than the limit of %d" % (size, limit))
    return text


def run(request, space):
    exec(compile(request["source"], SCRIPT, "exec", dont_inherit=True), space)
    results = space.get("get_results")
    if results is None or not takes_no_arguments(results):
        return None
    return json_of(results(), request["result_bytes"])


def text_of(error):
    try:
        return str(error)
    except BaseException:
        return "<it has no text>"


def frames_of_script(trace):
    # What comes before the first frame of the script is this program.
    while trace and trace.tb_frame.f_code.co_filename != SCRIPT:
        trace = trace.tb_next
    return trace


def last_line(error, trace):
    line = None
    if isinstance(error, SyntaxError) and error.filename == SCRIPT:
        return error.lineno
    while trace:
        if trace.tb_frame.f_code.co_filename == SCRIPT:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def name_undeclared(error, undeclared):
    if isinstance(error, SyntaxError) and error.filename == SCRIPT:
        names = [name for line, name in undeclared if line == error.lineno]
        if names:
            error.msg = "variable `$%s` is not defined" % names[0]


def describe(error, trace):
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = "%s.%s" % (kind.__module__, name)
    text = error.msg if isinstance(error, SyntaxError) and error.filename == SCRIPT else text_of(error)
    if isinstance(error, MemoryError):
        text = "the memory limit was reached"
    if isinstance(error, OSError) and error.errno == NO_SPACE:
        # All that can be written is the one space that the disk limit bounds.
        text = text_of(error) + "; the disk limit was reached"
    text = " ".join(str(text).split())[:MESSAGE_CHARACTERS]
    line = last_line(error, trace)
    return name + (": " + text if text else "") + (" (line %d)" % line if line else "")


def show(error, trace):
    try:
        if sys.excepthook is not sys.__excepthook__:
            sys.excepthook(type(error), error, trace)
            return
        import traceback
        traceback.print_exception(type(error), error, trace)
    except BaseException:
        print("error: the traceback cannot be shown", file=sys.__stderr__)


def failed(message):
    return 1, '"failed":' + dumps(message)


def completed(result=None):
    return 0, '"completed":' + ("null" if result is None else '{"output":%s}' % result)


def left(error):
    code = error.code
    if code is None or code == 0 and isinstance(code, int):
        return completed()
    if isinstance(code, int):
        return code & 255, failed("exited with code %d" % code)[1]
    text = text_of(code)
    print(text, file=sys.stderr)
    return failed("exited with code 1: " + " ".join(text.split())[:MESSAGE_CHARACTERS])


def broken(error, undeclared):
    trace = frames_of_script(error.__traceback__)
    name_undeclared(error, undeclared)
    message = describe(error, trace)
    show(error.with_traceback(trace), trace)
    return failed(message)


def outcome(request, space):
    try:
        return completed(run(request, space))
    except NoResult as error:
        print("error: %s" % error, file=sys.stderr)
        return failed(str(error))
    except SystemExit as error:
        return left(error)
    except BaseException as error:
        return broken(error, request["undeclared"])


def wind_up(space):
    # What the interpreter does at its end as far as a script can notice: threads, exit functions, finalizers, buffers.
    threading, exits = sys.modules.get("threading"), sys.modules.get("atexit")
    if threading:
        threading._shutdown()
    if exits:
        exits._run_exitfuncs()
    clear(space)


def clear(space):
    for name in list(space):
        if name != "__builtins__":
            space[name] = None
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def learned(known):
    # What a script had to load by itself.
    if known is None:
        return ""
    names = [name for name in list(sys.modules) if type(name) is str and name not in known]
    return ',"modules":' + dumps(names[:MODULES]) if names else ""


def main(space, lines, known=None):
    request = parse(take(known).decode("utf-8", "surrogatepass"))
    space.update(request["values"])
    lines.source = request["shown"] or request["source"]
    code, answer = outcome(request, space)
    # Before names are cleared: exit functions may load more, but not what is worth to know.
    answer += learned(known)
    try:
        wind_up(space)
    except BaseException as error:
        show(error, error.__traceback__)
    send("{%s}" % answer)
    posix._exit(code)


if __name__ == "__main__":
    # Its import must not look where the script can write.
    parse("null")
    main(*prepare())
