"""Compares an answer with a sample document: keys, types and formats, not values."""

import re

GUID = re.compile(r"[0-9A-F]{32}")
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")
ADDRESS = re.compile(r"https?://[^/]+(/.*)")


def assert_shape(sample, answer, path="$", more=()):
    """`more` names keys that the answer has at its root beyond those of the sample."""
    assert type(answer) is type(sample), f"{path}: {answer!r} is not a {type(sample).__name__}"
    if isinstance(sample, dict):
        assert set(answer) - set(more) == set(sample), f"{path}: keys {sorted(answer)}, the sample has {sorted(sample)}"
        for key, value in sample.items():
            assert_shape(value, answer[key], f"{path}.{key}")
    elif isinstance(sample, list):
        for index, element in enumerate(answer):
            assert_shape(sample[0], element, f"{path}[{index}]")
    elif isinstance(sample, str):
        for pattern in (GUID, DATE, ADDRESS):
            assert not pattern.fullmatch(sample) or pattern.fullmatch(answer), f"{path}: {answer!r} is not like {sample!r}"


def assert_xml_shape(sample, answer):
    """The same names of elements and attributes, all the way down; the sample's first child stands for every child."""
    assert answer.tag == sample.tag
    assert sorted(answer.attrib) == sorted(sample.attrib)
    assert bool(answer.text and answer.text.strip()) == bool(sample.text and sample.text.strip())
    for child in answer:
        assert_xml_shape(sample[0], child)
