"""The fuzzer says what it did, and how to repeat what failed."""

from random import Random

from tests import fuzz
from tests.oracle.wild import any_input, check_input


def test_a_clean_run_says_how_many_and_from_which_seed(capsys):
    assert fuzz.main(["--seed", "7", "--count", "50"]) == 0
    assert capsys.readouterr().out.startswith("50 inputs from seed 7 in ")


def test_a_failure_names_the_seed_that_repeats_it(capsys, monkeypatch):
    seen = []

    def third_fails(given):
        seen.append(given)
        if given == any_input(Random(9)):
            raise OverflowError("too large")
        return check_input(given)

    monkeypatch.setattr(fuzz, "check_input", third_fails)
    assert fuzz.main(["--seed", "7", "--count", "50"]) == 1
    assert len(seen) == 3
    shown = capsys.readouterr()
    assert shown.out == "failed after 2 inputs; repeat it with --seed 9 --count 1\n"
    assert "OverflowError: too large" in shown.err
    assert fuzz.main(["--seed", "9", "--count", "1"]) == 1
