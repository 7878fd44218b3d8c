"""What livesr writes, as other programs of the field read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from offline_recordings import PIXEL_UM, Z_UM, masks_of, raw_of, write_cell

from livesr.flow import StopToken
from livesr.offline import Input, Wishes, process
from livesr.offline.hands import Here

if TYPE_CHECKING:
    from pathlib import Path

bioio = pytest.importorskip("bioio", reason="pip install bioio bioio-ome-zarr")
pytestmark = pytest.mark.filterwarnings("ignore")  # of bioio and what it builds on


def test_bioio_reads_raw_and_masks(tmp_path: Path) -> None:
    reader = pytest.importorskip("bioio_ome_zarr", reason="pip install bioio-ome-zarr").Reader
    write_cell(tmp_path / "a.ome.tif", timepoints=2)
    hands, one = Here(), Input(tmp_path / "a.ome.tif", "a")
    wishes = Wishes(settings=("segmentation.structures=[er]", "storage.keep_free_gib=0"))
    assert process([one], wishes, tmp_path, hands, stop=StopToken())[0].complete
    hands.close()
    path = tmp_path / "a" / "image.ome.zarr"
    image = bioio.BioImage(path, reader=reader)
    assert image.dims.order == "TCZYX"
    assert image.channel_names == ["yellow", "red"]
    sizes = image.physical_pixel_sizes
    assert pytest.approx((Z_UM, PIXEL_UM, PIXEL_UM)) == (sizes.Z, sizes.Y, sizes.X)
    np.testing.assert_array_equal(image.get_image_data("CZYX", T=1), raw_of(tmp_path / "a", 1))
    label = bioio.BioImage(path / "labels" / "er", reader=reader)
    mask = label.get_image_data("ZYX", T=1)
    np.testing.assert_array_equal(mask, masks_of(tmp_path / "a", 1)["er"])
