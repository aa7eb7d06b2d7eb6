"""What docs/ARCHITECTURE.md says of the speed, made from the results that are kept."""

from pathlib import Path

from benchmarks.report import index, missed_line, standing, targets_table

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = REPOSITORY / "benchmarks" / "results"
PAGE = REPOSITORY / "docs" / "ARCHITECTURE.md"
BEGIN, END = "<!-- made from benchmarks/results by `make docs` -->\n", "<!-- end of what is made -->\n"


def results_markdown() -> str:
    """The list of the kept results."""
    return index(RESULTS)


def architecture_markdown() -> str:
    """The page as it is written by hand, with the measured part anew."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"{PAGE} has no line {BEGIN!r}"
    assert end, f"{PAGE} has no line {END!r}"
    report = standing(RESULTS)
    machine = report.machine
    sentence = (
        f"Measured on {report.began[:10]} at commit {machine.commit}, on {machine.cores} cores of "
        f"{machine.processor}. {missed_line(report)}"
    )
    return before + begin + "\n".join([sentence, "", *targets_table(report)]) + "\n" + end + after
