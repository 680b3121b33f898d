"""Code of others in a process of its own, which may neither write files nor, where the system can, reach the network.

```
process.py ─▶ worker.py, in the other process: limits.py, then the adapter ─▶ arrays back, framed by frames.py
```

Nothing here imports more than it needs: the limits come before NumPy and PyTorch start threads.
"""
