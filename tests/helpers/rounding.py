"""How far apart float32 lets two ways of computing one result end, for the recogniser of `trained_run`.

A rounding is off by up to u = 2^-24 = 6e-8 of the value. In which order a sum of n terms is added up depends on the
processor and on how many windows are computed at once. It changes the sum by about sqrt(n / 4) u of its size: errors
add up like a random walk, and every processor adds at least four terms at a time.
"""

# A log density is half of a sum of 102 squares that comes to 200 or so: off by sqrt(102 / 4) u 100 = 3e-5. The gate
# takes four times (weight over scale of the text margin) the difference of two: sqrt(2) 4 3e-5 = 2e-4. Divided by the
# temperature, 0.6, that is 3e-4 in the log odds of a probability, which moves by a quarter of it at most: 8e-5.
PROBABILITY = 1e-4
# The side that the gate turns down is that much less likely: 2e-4 in its log scores, beside the 3e-5 of its densities.
LOG_SCORE = 1e-3
# A squared distance, at least 25, is a difference of sums that come to 550: off by sqrt(102 / 4) u 550 = 1.6e-4, which
# is 7e-6 of it, and 3e-6 of the distance. Features are sums over 250 samples, off by sqrt(250 / 4) u of values of about
# 2, so by 1e-6; all 102 together move a distance of 5 by sqrt(102) 1e-6 / 5 = 2e-6 of it at most. So its logarithm is
# off by 5e-6. It is divided by the spread of a class, at least 0.15: 4e-5.
STRANGENESS = 5e-5
