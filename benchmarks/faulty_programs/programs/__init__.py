"""Every record as a `Program`, by where the record comes from."""

from benchmarks.faulty_programs.program import Program
from benchmarks.faulty_programs.programs import autotrainer, deepchecker, deeplocalize, others

CATALOGUE: dict[str, Program] = {program.id: program for module in (deeplocalize, autotrainer, deepchecker, others) for program in module.PROGRAMS}
