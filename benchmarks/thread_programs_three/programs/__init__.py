"""The threads by the part of the program that the answer changes; `CATALOGUE` maps id → `Thread`."""

from benchmarks.thread_programs_three.programs import layers, numbers, one_softmax, outputs, pairings, scales, steps
from benchmarks.thread_programs_three.thread import Thread

CATALOGUE: dict[str, Thread] = {thread.id: thread for part in (outputs, one_softmax, pairings, scales, steps, layers, numbers) for thread in part.THREADS}
