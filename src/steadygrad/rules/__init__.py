"""Rules: what each failure looks like in the evidence, and the judge that names the cause."""
