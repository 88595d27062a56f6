"""Scores a detector on this collection as `benchmarks.thread_programs.score` does on the first.

python -m benchmarks.thread_programs_three.score [--half both --output results/score.json]
"""

from benchmarks.thread_programs import score
from benchmarks.thread_programs_three.measure import OUTPUT
from benchmarks.thread_programs_three.programs import CATALOGUE

if __name__ == "__main__":
    score.main(CATALOGUE, OUTPUT)
