"""What is told of records that are gone: where, how many, from when, and the way out."""

from wayfold.agents.states.lost_records import START_AT_OLDEST, LostRecordsError, has_rest, lost_records


def test_what_lies_between_a_state_and_the_log_is_lost() -> None:
    """Only topic kinds whose log begins behind the state lack records, and the state needs nothing else."""
    offsets, begins = {"entries": 5, "steps": 7}, {"entries": 9, "steps": 7, "calls": 2, "users": 0}
    lost = [(one.kind, one.partition, one.start, one.end) for one in lost_records(3, offsets, begins)]
    assert lost == [("entries", 3, 5, 9), ("calls", 3, 0, 2)]
    assert not has_rest(offsets, begins)
    assert has_rest({"entries": 9, "calls": 2}, {"entries": 9, "calls": 1, "steps": 0})


def test_a_person_learns_place_number_time_and_way_out() -> None:
    """Every lost range is a line with its offsets, its count and from when the log has records again."""
    error = LostRecordsError(lost_records(3, {}, {"entries": 9, "calls": 2}), with_state=False)
    told = error.at_times({("entries", 3): 1_793_534_400_000})
    lines = str(told).splitlines()
    assert "Nothing was changed" in lines[0]
    assert lines[1] == (
        "entries, partition 3, from offset 0 on: the log begins at offset 9, 9 records are gone, "
        "from before 2026-11-01T12:00:00Z"
    )
    assert lines[2] == "calls, partition 3, from offset 0 on: the log begins at offset 2, 2 records are gone"
    assert lines[3].endswith(f"start with {START_AT_OLDEST}.")


def test_state_that_is_there_is_to_be_moved_away_first() -> None:
    """The option alone would not help where there is state, so that is said too."""
    error = LostRecordsError(lost_records(0, {"entries": 1}, {"entries": 2}), with_state=True)
    assert f"move that partition's state away and start with {START_AT_OLDEST}" in str(error)


def test_many_lost_ranges_do_not_fill_the_screen() -> None:
    """Of hundreds of partitions the first are listed, and the number of the rest."""
    lost = [one for number in range(300) for one in lost_records(number, {}, {"entries": 1})]
    lines = str(LostRecordsError(lost, with_state=False)).splitlines()
    assert len(lines) == 23
    assert lines[21] == "and 280 more topic partitions"
