"""What the commands print: tables of what others wrote."""

from rf_middleware._commands.shared import table


def test_a_cell_that_is_cut_says_so() -> None:
    """Nobody takes the beginning of a list for all of it; what fits is whole."""
    fits, long = "x" * 200, "y" * 201
    assert table([["a", fits], ["b", long]]).split() == ["a", fits, "b", "y" * 199 + "…"]
