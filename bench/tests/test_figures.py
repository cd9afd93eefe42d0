import unittest

from bench.figures import judge, percentile, significant
from bench.records import Records
from bench.report import replace_between_markers


class Figures(unittest.TestCase):
    def test_a_percentile_is_one_of_the_values(self):
        values = [5, 1, 4, 2, 3]
        self.assertEqual([percentile(values, percent) for percent in (0, 50, 99, 100)], [1, 3, 5, 5])
        self.assertEqual(percentile([7], 99), 7)

    def test_a_percentile_of_nothing_is_refused(self):
        with self.assertRaises(ValueError):
            percentile([], 50)

    def test_numbers_keep_their_significant_digits(self):
        texts = [significant(number) for number in (0, 0.0123, 0.25, 1.234, 12.34, 1234.5)]
        self.assertEqual(texts, ["0", "0.012", "0.25", "1.2", "12", "1234"])

    def test_a_number_is_judged_in_its_direction(self):
        self.assertEqual([judge(number, 0.25, 0.12, True) for number in (0.1, 0.2, 0.3)], ["aim met", "bar met", "not met"])
        self.assertEqual([judge(number, 300, 600, False) for number in (700, 300, 299)], ["aim met", "bar met", "not met"])


class RatioOfARun(unittest.TestCase):
    def test_a_ratio_is_taken_from_the_bare_starts_of_the_same_phase(self):
        records = Records()
        for phase, bare, warm in (("one", 10, 2), ("two", 20, 10)):
            records.add(phase, "bare", 1, bare)
            records.add(phase, "warm", 1, warm)
        self.assertEqual(records.ratio("one", "warm", 1), 0.2)
        self.assertEqual(records.ratio("two", "warm", 1), 0.5)


class Documents(unittest.TestCase):
    def test_only_what_stands_between_the_markers_is_replaced(self):
        text = "before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n"
        expected = "before\n<!-- bench: begin -->\nnew\n<!-- bench: end -->\nafter\n"
        self.assertEqual(replace_between_markers(text, "new"), expected)

    def test_a_text_without_markers_is_refused(self):
        with self.assertRaises(ValueError):
            replace_between_markers("no markers", "new")
