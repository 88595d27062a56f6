"""Every random number as a pure function of (seed, tensor name, element index).

`law` says what to draw, `philox` and `stream` make 32-bit words, `normal` turns them into normal values in integer
arithmetic, and `backends` put laws into arrays. The NumPy code is the definition; other backends give the same bits.
Global random generators are never read or advanced.
"""
