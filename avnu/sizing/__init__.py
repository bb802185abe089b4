"""What a number of merchants needs: memory, processes, partitions, points. Pure arithmetic.

``measured.py`` holds what was measured, ``assumed.py`` what was not; ``memory.py``, ``work.py`` and
``points.py`` reckon. ``avnu sizing`` asks and prints.
"""
