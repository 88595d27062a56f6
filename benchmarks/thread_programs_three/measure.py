"""The questions of `benchmarks.thread_programs.measure`, asked of this collection → results/measured.json

python -m benchmarks.thread_programs_three.measure [--id ID …]
"""

from benchmarks.thread_programs import measure
from benchmarks.thread_programs_three.programs import CATALOGUE
from benchmarks.thread_programs_three.thread import FOLDER

OUTPUT = FOLDER / "results" / "measured.json"


if __name__ == "__main__":
    measure.main(CATALOGUE, OUTPUT)
