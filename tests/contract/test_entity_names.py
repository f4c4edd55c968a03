"""Both sides find an AE title's entry in a cell under the same name."""

import pytest

from orthanc_plugin.entities import ApplicationEntity
from orthanc_plugin.modalities import symbolic_name
from sidecar.adapters.cell_work import node_name


@pytest.mark.parametrize("aet", ["PACS", "A B/..", "a" * 16, "%2f?x=1&"])
def test_the_name_is_the_same_and_safe_in_a_path(aet: str) -> None:
    assert node_name(aet) == symbolic_name(ApplicationEntity(aet))
    assert node_name(aet).replace("-", "").isalnum()
