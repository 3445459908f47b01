"""Unit strings become internal numbers (um, min, nN, mg/ml, nM) and back."""

import math

import pytest
from pydantic import BaseModel, ValidationError

from physim.units import format_quantity, parse_quantity, parse_unit


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("24 h", "min", 1440.0),
        ("30 s", "min", 0.5),
        ("2 d", "min", 2880.0),
        ("250 nm", "um", 0.25),
        ("0.3 mm", "um", 300.0),
        ("8.4um", "um", 8.4),
        ("8.4 µm", "um", 8.4),
        ("1e1 um", "um", 10.0),
        ("-3 um", "um", -3.0),
        ("20 nN/um", "nN/um", 20.0),
        ("1 mN/m", "nN/um", 1.0),  # surface tensions
        ("5 kPa", "nN/um^2", 5.0),
        ("500 Pa", "kPa", 0.5),
        ("2 mg/ml", "mg/ml", 2.0),
        ("2 g/ml", "mg/ml", 2000.0),
        ("12 um/h", "um/min", 0.2),
        ("6 1/h", "1/min", 0.1),
        ("120 nN s/um", "nN min/um", 2.0),
        ("3 um^2/s", "um^2/min", 180.0),
        ("1.25", "", 1.25),
        (7, "um", 7.0),
        (0.5, "min", 0.5),
    ],
)
def test_quantity_in_internal_units(text, unit, expected):
    assert parse_quantity(text, unit) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("0.1 mg", "min", "has 'mg' where min is expected"),
        ("3", "um", "has no unit where um is expected"),
        ("3 um", "", "has 'um' where a plain number is expected"),
        ("3 furlong", "um", "unknown unit 'furlong'"),
        ("three um", "um", "no number with a unit"),
        ("nan um", "um", "no number with a unit"),
        ("1e999 um", "um", "must be finite"),
        ("", "um", "no number with a unit"),
        ("1" * 100, "um", "100 characters"),
        (math.nan, "um", "must be finite"),
        (math.inf, "min", "must be finite"),
        (True, "um", "must be a quantity"),
        ([1], "um", "must be a quantity"),
        ({}, "um", "must be a quantity"),
    ],
)
def test_what_is_no_quantity_is_refused_with_the_reason(text, unit, said):
    with pytest.raises(ValueError) as caught:
        parse_quantity(text, unit)
    assert said in str(caught.value)


@pytest.mark.parametrize("unit", ["um", "min", "nN/um", "kPa", "nN min/um", "h", "nm", ""])
@pytest.mark.parametrize("value", [0.1, 1 / 3, 16.8 * 0.895, 1e-12, 123456.789, 2.0])
def test_a_written_quantity_reads_back_to_the_same_float(value, unit):
    """Exactly for internal units; to the last digits where a factor is not a power of two."""
    back = parse_quantity(format_quantity(value, unit), unit)
    exact = parse_unit(unit)[0] == 1.0
    assert back == value if exact else back == pytest.approx(value, rel=4e-16)


def test_units_multiply_and_divide():
    factor, powers = parse_unit("nN min/um^2")
    assert (factor, powers) == (1.0, (-2, 1, 1, 0, 0))
    assert parse_unit("kPa um")[1] == parse_unit("nN/um")[1]
    assert parse_unit("fJ/um")[1] == parse_unit("nN")[1]


def test_annotated_quantities_take_their_unit_and_write_it():
    from physim.units import Minute

    class Clock(BaseModel):
        step: Minute = 0.1

    assert Clock(step="1 h").step == 60.0
    assert Clock(step="1 h").model_dump(mode="json") == {"step": "60 min"}
    with pytest.raises(ValidationError, match="where min is expected"):
        Clock(step="1 um")
