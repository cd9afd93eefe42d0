"""Measures the server and its peers, interleaved in one run on the same cores; `python3 -m bench --help`."""
