"""Uses a little of each of the wheels that scripts of the product use."""
import sys

sys.path.insert(0, "/wheels")


def numpy():
    import numpy

    matrix = numpy.random.default_rng(1).random((300, 300))
    assert numpy.allclose(matrix @ numpy.linalg.inv(matrix), numpy.eye(300))
    numpy.save("/tmp/matrix.npy", matrix)
    assert numpy.load("/tmp/matrix.npy", mmap_mode="r").shape == (300, 300)


def pandas():
    import pandas

    frame = pandas.DataFrame({"key": list("abca"), "value": [1, 2, 3, 4]})
    assert frame.groupby("key").value.sum()["a"] == 5
    frame.to_csv("/tmp/frame.csv", index=False)
    assert pandas.read_csv("/tmp/frame.csv").equals(frame)
    assert pandas.Timestamp("2024-07-01", tz="Europe/Berlin").utcoffset().seconds == 7200


def requests():
    import http.server
    import threading

    import requests

    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    assert requests.get("http://127.0.0.1:%d/tmp/" % server.server_address[1], timeout=10).status_code == 200


def psycopg2():
    import psycopg2

    try:
        psycopg2.connect("host=127.0.0.1 port=9 connect_timeout=2")
    except psycopg2.OperationalError as error:
        assert "refused" in str(error), error


def mstrio():
    from mstrio.connection import Connection

    try:
        Connection("http://127.0.0.1:9/MicroStrategyLibrary", "user", "password", project_name="x")
    except Exception as error:
        assert "efused" in str(error) or "connect" in str(error).lower(), repr(error)


if __name__ == "__main__":
    import traceback

    for part in (numpy, pandas, requests, psycopg2, mstrio):
        try:
            part()
            print(part.__name__, flush=True)
        except BaseException:
            print("broken in", part.__name__, file=sys.stderr)
            traceback.print_exc()
