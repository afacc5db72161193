import pytest

pytest.register_assert_rewrite("tests.histories.rules", "tests.histories.log_reader")
