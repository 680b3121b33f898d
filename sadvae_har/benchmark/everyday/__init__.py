"""Recognition across data sets: every data set in turn is what nobody recorded, the others are learned from.

In the order of the data: `tested` windows of a target, `tasks` on them, methods (`classifiers`, `described`), `numbers`
of their answers, `rows` of the results file, `jobs` that fill it, and the `page` made of it.
"""
