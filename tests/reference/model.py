"""The margin model in plain integers and decimals, written from docs/risk-model.md, not from the C.

Integers are Python's, so nothing here can overflow; where the model says a result leaves its range, `Unknown`
is raised.
"""
from decimal import Decimal
from fractions import Fraction

from precise import black76, nearest

E9, E10 = 10 ** 9, 10 ** 10
LANES, SCENARIOS = 36, 32
GROUPS = [range(0, 32), range(32, 33), range(33, 34), range(34, 35), range(35, 36)]
MANTISSA_MAX = 2 ** 31 - 1
SPOT, PERPETUAL, FUTURE, CALL, PUT = 1, 2, 3, 4, 5
NONE = 0xFFFF
YEAR = 31557600


class Unknown(Exception):
    pass


def grid():
    """[(price move as a fraction of the scan range or None, absolute move or None, vol move)] by scenario."""
    cells = []
    for quarters in (0, 1, -1, 2, -2, 3, -3, 4, -4):
        for vol in ('up', 'same', 'down'):
            if abs(quarters) < 4 or vol == 'up':
                cells.append((Fraction(quarters, 4), None, vol))
    for percent in (-66, -33, 50, 100, 200, 300):
        cells.append((None, Fraction(percent, 100), 'up'))
    cells += [(Fraction(0), None, 'skew+'), (Fraction(0), None, 'skew-'), (None, None, 'chain')]
    assert len(cells) == SCENARIOS
    return cells


GRID = grid()


def half_even(x):
    """Nearest integer of a Fraction, ties to even."""
    return round(x)


def ceil_div(a, b):
    return -(-a // b)


class Factor:
    def __init__(self, scan_range, vol_floor, tick):
        self.scan_range, self.vol_floor, self.tick = scan_range, vol_floor, tick
        self.epoch = None       # (price_e8, vol_e9, now_ns)
        self.exponents = None


def scenario_prices(factor):
    """(shocked price in USD, weight) as Fractions per scenario but the chain event."""
    price = Fraction(factor.epoch[0], 10 ** 8)
    tick = min(Fraction(factor.tick, 10 ** 8), price)
    scan = Fraction(factor.scan_range, E9)
    out = []
    for of_range, absolute, _ in GRID[:31]:
        move = of_range * scan if absolute is None else absolute
        weight = 1 if absolute is None else scan / abs(absolute)
        out.append((max(tick, price * (1 + move)), weight))
    return out


def linear_values(factor, event_loss=0):
    """USD per long unit and lane, exact."""
    price = Fraction(factor.epoch[0], 10 ** 8)
    row = [(shocked - price) * weight for shocked, weight in scenario_prices(factor)]
    return row + [-price * Fraction(event_loss, E9), price, Fraction(0), Fraction(0), price]


def decimal(x):
    return Decimal(x.numerator) / Decimal(x.denominator)


def seconds_left(expiry, now):
    return max(0, ceil_div(expiry - now, E9))


def option_values(factor, parameters, kind, strike_e8, expiry):
    """Decimal USD per long unit and lane, to 50 digits."""
    call = kind == CALL
    price_e8, vol_e9, now = factor.epoch
    seconds = seconds_left(expiry, now)
    forward, strike = Decimal(price_e8) / 10 ** 8, Decimal(strike_e8) / 10 ** 8
    floor = Decimal(factor.vol_floor) / E9
    vol = max(Decimal(vol_e9) / E9, floor)
    years = Decimal(seconds) / YEAR

    def value(f, v):
        if seconds == 0:
            return max(Decimal(0), f - strike if call else strike - f)
        return black76(call, f, strike, v, years)[0]

    days = Decimal(seconds) / 86400
    used = max(days, Decimal(1))
    scale = ((30 / used).ln() * (Decimal('0.30') if days <= 30 else Decimal('0.13'))).exp()
    slope = Decimal(parameters['skew']) / E9 * (strike / forward).ln() / (used / Decimal('365.25')).sqrt()

    def clamp(x):
        return min(max(x, Decimal('0.5')), Decimal('1.5'))

    vols = {'up': vol * (1 + Decimal(parameters['vol_up']) / E9 * scale), 'same': vol,
            'down': vol * (1 - Decimal(parameters['vol_down']) / E9 * scale),
            'skew+': vol * clamp(1 + slope), 'skew-': vol * clamp(1 - slope)}
    base = value(forward, vol)
    row = []
    for (shocked, weight), (_, _, move) in zip(scenario_prices(factor), GRID):
        row.append((value(decimal(shocked), max(floor, vols[move])) - base) * decimal(Fraction(weight)))
    if seconds == 0:
        greeks = (Decimal(1 if call else -1) if base > 0 else Decimal(0), Decimal(0), Decimal(0))
    else:
        greeks = black76(call, forward, strike, vol, years)[1:]
    return row + [Decimal(0), forward * greeks[0], forward * forward * greeks[1], greeks[2] * scale, base]


def mantissa(value, exponent):
    """rne(value * 2^e / 100) of a Fraction or Decimal."""
    if isinstance(value, Decimal):
        return nearest(value * 2 ** exponent / 100)
    return half_even(value * 2 ** exponent / 100)


def greatest_exponent(values):
    """The greatest e in 0 .. 63 under which every value's mantissa fits; 0 if none."""
    for e in range(63, -1, -1):
        if all(abs(mantissa(v, e)) <= MANTISSA_MAX for v in values):
            return e
    return 0


def fit(value):
    if not -2 ** 63 <= value < 2 ** 63:
        raise Unknown
    return value


def evaluate(world, book):
    """All fields of the margin, as the driver prints them. `world` has factors, live, now, rows, marks."""
    used, stale = set(), [False]
    sums, order_sums = {}, {}

    def usable(u):
        live = world['live'][u]
        ok = (live['known'] and 0 < live['price'] <= 2 ** 62 and world['factors'][u].epoch is not None)
        stale[0] |= live['stale'] or not ok
        if ok:
            used.add(u)
        return ok

    unknown = [False]

    def guarded(action):
        try:
            return action()
        except Unknown:
            unknown[0] = True
            return 0

    def add(into, u, row, qty):
        total = into.setdefault(u, [0] * SCENARIOS)
        for s in range(SCENARIOS):
            total[s] += qty * row[s]

    unrealised = options = 0
    for instrument, _, qty, cost in book['positions']:
        kind, u = world['instruments'][instrument][:2]
        if not usable(u) or abs(qty) >= 2 ** 59:
            unknown[0] = True
            continue
        worth = guarded(lambda: fit(qty * world['marks'][instrument] // E10))
        if kind in (CALL, PUT):
            options += worth - cost
        else:
            unrealised += worth - cost
        add(sums, u, world['instrument_rows'][instrument], qty)
    order_costs = 0
    for instrument, _, qty, limit in book['orders']:
        u = world['instruments'][instrument][1]
        if not usable(u) or abs(qty) >= 2 ** 59:
            unknown[0] = True
            continue
        mark = world['marks'][instrument]
        worse = max(0, limit - mark) if qty > 0 else max(0, mark - limit)
        order_costs += guarded(lambda: fit(ceil_div(abs(qty) * worse, E10)))
        row = world['instrument_rows'][instrument]
        total = order_sums.setdefault(u, [0] * SCENARIOS)
        for s in range(SCENARIOS):
            total[s] -= max(0, -qty * row[s])
    balances = collateral = holds = 0
    for index, qty, held in book['balances']:
        asset, _, haircut, debt_haircut = world['holdings'][index]
        u = asset - 1
        if not usable(u):
            unknown[0] |= qty < 0
            continue
        price = world['live'][u]['price']
        if abs(qty) >= 2 ** 59:
            unknown[0] = True
            continue
        balances += guarded(lambda: fit(qty * price // E10))
        holds += guarded(lambda: fit(ceil_div(held * price, E10)))
        rate = E9 - haircut if qty >= 0 else E9 + debt_haircut
        if qty >= 0:
            collateral += qty * price * rate // (E10 * E9)
            scanned = qty * rate // E9
        else:
            collateral -= guarded(lambda: fit(ceil_div(-qty * price * rate, E10 * E9)))
            scanned = -ceil_div(-qty * rate, E9)
        add(sums, u, world['holding_rows'][index], scanned)

    def losses(total, e):
        return [fit(ceil_div(-x, 2 ** e)) for x in total]

    requirement = with_orders = 0
    worst = (0, NONE, 0)
    for u in sorted(used):
        e = world['factors'][u].exponents[0]
        base = sums.get(u, [0] * SCENARIOS)
        cells = guarded(lambda: losses(base, e)) or [0] * SCENARIOS
        loss = max(0, max(cells))
        if loss > worst[0]:
            worst = (loss, u, cells.index(loss))
        requirement += loss
        ordered = [x + y for x, y in zip(base, order_sums.get(u, [0] * SCENARIOS))]
        with_orders += max(0, max(guarded(lambda: losses(ordered, e)) or [0]))
    raw = book['cash'] + balances + unrealised + options
    mm_equity = book['cash'] + collateral + unrealised + options
    gain = max(0, unrealised)
    im_equity = mm_equity - gain + gain * world['parameters']['unrealised'] // E9 - order_costs
    maintenance = ceil_div(world['parameters']['maintenance'] * requirement, E9)
    initial = max(with_orders, maintenance)
    holds += book['cash_held']
    free = im_equity - initial - holds
    figures = [raw, mm_equity, im_equity, requirement, with_orders, maintenance, initial, holds, free]
    guarded(lambda: [fit(x) for x in figures + [gain]])
    seq = max((world['live'][u]['seq'] for u in used), default=0)
    oldest = min((world['live'][u]['source_time'] for u in used), default=None)
    age = 0 if oldest is None else max(0, world['now'] - oldest)
    if unknown[0]:
        return [0] * 9 + [seq, age, NONE, 0, int(stale[0]), 1]
    return figures + [seq, age, worst[1], worst[2], int(stale[0]), 0]
