"""Code run through the real client."""

import pytest
from mstrio.python_execution.script import Code, ExecutionStatus, ScriptExecutionError

from client import DEFAULT_RUNTIME


@pytest.fixture
def run(connection, plain):
    """Runs code to its end and returns it."""

    def run(text, variables=None, **options):
        code = Code(connection, text)
        assert code.execute(runtime_id=plain, variables=variables, **options) == code.status
        return code

    return run


def variable(name, kind, value, **more):
    return {"name": name, "type": kind, "value": value, "prompt": False, **more}


def test_output_error_output_and_result(run):
    code = run("import sys\nprint('out')\nprint('err', file=sys.stderr)\ndef get_results():\n    return {'n': [1, 2.5, None, 'ü']}")
    assert (code.status, code.stdout, code.stderr) == (ExecutionStatus.READY, "out", "err")
    assert code.result == {"n": [1, 2.5, None, "ü"]}
    assert not code.executor_message


def test_no_result_without_get_results(run):
    assert run("print('only this')").result is None


def test_failure_is_a_value(run):
    code = run("print('before')\n\nraise ValueError('bad region')")
    assert (code.status, code.stdout) == (ExecutionStatus.ERROR, "before")
    assert "ValueError: bad region" in code.executor_message and "line 3" in code.executor_message
    assert "Traceback" in code.stderr and "ValueError: bad region" in code.stderr


def test_syntax_error(run):
    code = run("print('never')\nif:\n")
    assert code.status == ExecutionStatus.ERROR and code.stdout == ""
    assert "SyntaxError" in code.executor_message and "line 2" in code.executor_message


@pytest.mark.parametrize("statement, status", [
    ("sys.exit()", ExecutionStatus.READY), ("sys.exit(0)", ExecutionStatus.READY),
    ("sys.exit(3)", ExecutionStatus.ERROR), ("os._exit(7)", ExecutionStatus.ERROR), ("os.abort()", ExecutionStatus.ERROR),
])
def test_ways_to_exit(run, statement, status):
    code = run(f"import os, sys\nprint('seen', flush=True)\n{statement}")
    assert (code.status, code.stdout) == (status, "seen")
    if "3" in statement or "7" in statement:
        assert statement[-2] in code.executor_message


def test_failure_raises_when_asked_to(connection, plain):
    with pytest.raises(ScriptExecutionError, match="ZeroDivisionError"):
        Code(connection, "1/0").execute(runtime_id=plain, raise_on_execution_failure=True)


HOSTILE_TEXTS = [
    "", "plain", "it's", 'a "quote"', "both ' and \"", "back\\slash", "\\'", "'); import os; os._exit(9) #", '"""', "'''",
    "new\nline", "\ttab", "$other", "${x}", "{braces}", "%s", "ünïcödé 漢字 🦎", "\u2028", "[1, 2]", "['x']", "None", "1", "1e5", "\\N{BULLET}",
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_text_arrives_as_it_is(run, text):
    code = run("def get_results():\n    return $given", [variable("given", 1, text)])
    assert (code.status, code.result) == (ExecutionStatus.READY, text), code.executor_message


def test_list_of_texts_arrives_as_it_is(run):
    code = run("def get_results():\n    return $given", [variable("given", 1, HOSTILE_TEXTS, multiple=True)])
    assert (code.status, code.result) == (ExecutionStatus.READY, HOSTILE_TEXTS), code.executor_message


@pytest.mark.parametrize("number", [0, 1, -7, 2.5, -0.125, 1e300, 9223372036854775807])
def test_number(run, number):
    code = run("def get_results():\n    return [$n, type($n).__name__]", [variable("n", 2, number)])
    assert code.result == [number, type(number).__name__], code.executor_message


def test_other_types_and_lists(run):
    code = run("def get_results():\n    return [$numbers, $day, $moment, $secret]", [
        variable("numbers", 2, [1, 2.5, -3], multiple=True),
        variable("day", 3, "2026-01-02"), variable("moment", 5, "2026-01-02T03:04:05"),
        {"name": "secret", "type": 4, "prompt": True},  # the client never sends a secret that is not an answer
    ], answers={"secret": "p'w\"d"})
    assert code.status == ExecutionStatus.READY, code.executor_message
    numbers, day, moment, secret = code.result
    assert (numbers, secret) == ([1, 2.5, -3], "p'w\"d")
    assert day.startswith("2026-01-02") and moment.replace("T", " ").startswith("2026-01-02 03:04:05")


def test_only_declared_names_outside_of_texts_are_variables(run):
    code = run("print('costs $price', \"$price\", $price)  # $price $unknown", [variable("price", 2, 5)])
    assert (code.status, code.stdout) == (ExecutionStatus.READY, "costs $price $price 5"), code.executor_message


def test_prompted_variables_are_answered(run):
    variables = [{"name": "who", "type": 1, "prompt": True}, {"name": "times", "type": 2, "prompt": True}]
    code = run("print($who * $times)", variables, answers={"who": "ha", "times": 3})
    assert code.stdout == "hahaha", code.executor_message


def test_running_in_the_background(connection, plain):
    code = Code(connection, "print('working', flush=True)\nimport time\ntime.sleep(0.3)\nprint('done')")
    assert code.execute(runtime_id=plain, block_until_done=False) is None
    assert code.wait_for_execution_finish() == ExecutionStatus.READY
    assert code.stdout.split() == ["working", "done"]


def test_stop_execution(connection, client, plain):
    code = Code(connection, "print('begun', flush=True)\nimport time\ntime.sleep(600)")
    code.execute(runtime_id=plain, block_until_done=False)

    client.wait_for_output(code._evaluation_id, "begun")
    assert code.get_current_execution_status() == ExecutionStatus.RUNNING
    code.stop_execution()
    assert (code.status, code.stdout) == (ExecutionStatus.CANCELLED, "begun")


def test_code_from_a_file(connection, plain, tmp_path):
    (tmp_path / "script.py").write_text("print('from a file')\n")
    code = Code.get_from_file(connection, tmp_path / "script.py", validate_code=True)
    assert code.execute(runtime_id=plain) == ExecutionStatus.READY
    assert code.stdout == "from a file"


def test_default_runtime_runs_plain_python(connection):
    code = Code(connection, "import sys\nprint(sys.version_info.major)")
    assert code.execute() == ExecutionStatus.READY, code.executor_message
    assert code.stdout == "3"


def test_runtime_that_is_not_there(connection):
    with pytest.raises(Exception, match="ERR004"):
        Code(connection, "print(1)").execute(runtime_id=DEFAULT_RUNTIME[::-1])
