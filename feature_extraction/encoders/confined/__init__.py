"""Code of others in a process of its own, which can neither write files nor reach the network where the system allows.

```
process.py ─▶ worker.py, in the other process: limits.py, then the adapter ─▶ arrays back, framed by frames.py
```

Nothing here imports more than it needs: the limits come before NumPy and PyTorch start threads.
"""
