"""What is said of results by where their data come from."""

import pytest

from stages.sources import provenance


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (["official"], "official"),
        (["official", "official"], "official"),
        (["official", "stand-in"], "stand-in"),
        (["stand-in"], "stand-in"),
    ],
)
def test_a_result_is_official_only_where_all_its_sources_are(kinds, said):
    assert provenance({f"{place}.tgz": {"kind": kind} for place, kind in enumerate(kinds)}) == said
