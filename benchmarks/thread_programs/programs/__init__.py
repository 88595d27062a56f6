"""The threads by the part of the program that the answer changes; `CATALOGUE` maps id → `Thread`."""

from benchmarks.thread_programs.programs import inputs, losses, one_softmax, outputs, pairings, steps, structure, targets, weights
from benchmarks.thread_programs.thread import Thread

CATALOGUE: dict[str, Thread] = {
    thread.id: thread for part in (inputs, targets, outputs, one_softmax, losses, pairings, weights, steps, structure) for thread in part.THREADS
}
