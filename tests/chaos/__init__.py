"""Random faults against many widgets with changing requests, and what must hold all the while.

``python -m tests.chaos`` runs it for long, ``python -m tests.chaos.recovery`` measures how long each fault
costs; both print the figures of docs/reliability.md. A seed names a run: the same actions in the same order.
"""
