"""A gel that is torn faster than its forces can be balanced: the run stops with exit code 3 and its last good frame."""

import subprocess
import sys

SCENARIO = """
title = "Torn"
[run]
duration = "2 min"
[box]
size = "60 um"
[[cells]]
count = 1
[collagen]
concentration = "1 mg/ml"
bundle_diameter = "0.2 um"
fiber_length = "20 um"
[terms.network]
[terms.strain]
shear_rate = 100
[record]
interval = "0.1 min"
"""


def test_run_that_cannot_balance_its_forces_stops_with_the_last_good_frame(device_label, tmp_path):
    (tmp_path / "torn.toml").write_text(SCENARIO)
    words = ("-m", "physim", "run", "torn.toml", "--no-preview", "--out", "out", "--device", device_label)
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3, done
    assert "the balance of forces does not converge in parts of" in done.stderr and "Traceback" not in done.stderr
    assert "kept in out: 1 complete frames, the last at 0 h" in done.stdout + done.stderr
    frames = sorted(path.name for path in (tmp_path / "out" / "frames").iterdir())
    assert frames[:2] == ["cells_000000.vtp", "fibers_000000.vtp"] and not [name for name in frames if "000001" in name]
    assert "fibers_000000.vtp" in (tmp_path / "out" / "run.pvd").read_text()
