"""Black-76 and its parts in decimal arithmetic of 60 digits, from definitions: series, not approximations.

Independent of the C code by construction: nothing here knows a rational approximation.
"""
from decimal import Decimal, getcontext, ROUND_HALF_EVEN

getcontext().prec = 60
HALF = Decimal(1) / 2


def _pi():
    # Machin: pi = 16 atan(1/5) - 4 atan(1/239)
    def atan_inverse(n):
        term = Decimal(1) / n
        total, k, square = term, 1, n * n
        while abs(term) > Decimal(10) ** -65:
            term = -term / square
            k += 2
            total += term / k
        return total
    return 16 * atan_inverse(5) - 4 * atan_inverse(239)


PI = _pi()
ROOT_TWO_PI = (2 * PI).sqrt()


def density(x):
    return (-x * x / 2).exp() / ROOT_TWO_PI


def normal(x):
    """Phi(x). Near zero the series x + x^3/3 + x^5/15 + ..., whose terms have one sign; far out Laplace's
    continued fraction for the tail."""
    if x > 0:
        return 1 - normal(-x)
    y = -x
    if y > 12:
        fraction = Decimal(0)
        for k in range(400, 0, -1):
            fraction = k / (y + fraction)
        return density(y) / (y + fraction)
    # The tail is 1/2 - a sum near 1/2: at 12 it is 1e-33, so carry 40 digits more.
    getcontext().prec = 110
    try:
        term = total = y
        k = 1
        while term > Decimal(10) ** -105:
            k += 2
            term = term * y * y / k
            total += term
        return HALF - total * (-y * y / 2).exp() / _root_two_pi_long()
    finally:
        getcontext().prec = 60


_long = []


def _root_two_pi_long():
    if not _long:
        def atan_inverse(n):
            term = Decimal(1) / n
            total, k, square = term, 1, n * n
            while abs(term) > Decimal(10) ** -112:
                term = -term / square
                k += 2
                total += term / k
            return total
        _long.append((2 * (16 * atan_inverse(5) - 4 * atan_inverse(239))).sqrt())
    return _long[0]


def black76(call, forward, strike, vol, years):
    """(price, delta, gamma, vega) of Decimal arguments; undiscounted."""
    root = years.sqrt()
    s = vol * root
    d1 = (forward / strike).ln() / s + s / 2
    d2 = d1 - s
    if call:
        price = forward * normal(d1) - strike * normal(d2)
        delta = normal(d1)
    else:
        price = strike * normal(-d2) - forward * normal(-d1)
        delta = -normal(-d1)
    phi = density(d1)
    return price, delta, phi / (forward * s), forward * phi * root


def nearest(x):
    return int(x.to_integral_value(rounding=ROUND_HALF_EVEN))
