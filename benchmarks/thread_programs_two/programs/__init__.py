"""The threads by the part of the program that the answer changes; `CATALOGUE` maps id → `Thread`."""

from benchmarks.thread_programs_two.programs import adversaries, agents, attention, numbers, outputs, pairings, scales, shapes, steps
from benchmarks.thread_programs_two.thread import Thread

CATALOGUE: dict[str, Thread] = {
    thread.id: thread for part in (scales, outputs, pairings, numbers, agents, shapes, attention, adversaries, steps) for thread in part.THREADS
}
