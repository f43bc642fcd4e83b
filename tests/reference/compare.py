#!/usr/bin/env python3
"""Goal: every bit of risk's integers, and the accuracy of its doubles, against an independent model.

Method: random configurations, epochs, markets and books, the same for both sides. Linear array entries,
exponents and all fields of the margin must be equal; option entries and marks must be within one unit of the
value computed in 60 digits. Marks and option entries, once checked, are taken from the driver for what is built
on them, so that one unit of a double does not spread.

Usage: compare.py DRIVER. CB_SEED and CB_EFFORT as everywhere: 1,000 books at effort 1.
"""
import os
import random
import struct
import subprocess
import sys
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import model  # noqa: E402
from model import CALL, FUTURE, PUT, GROUPS, MANTISSA_MAX  # noqa: E402
from precise import black76, nearest  # noqa: E402
from decimal import Decimal  # noqa: E402

DAY = 86400 * 10 ** 9
BOOKS_A_WORLD = 40


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, name, *numbers):
        self.process.stdin.write(' '.join([name] + [str(int(n)) for n in numbers]) + '\n')

    def answer(self, word):
        self.process.stdin.flush()
        line = self.process.stdout.readline().split()
        if not line or line[0] != word:
            raise SystemExit(f'driver said {line}, wanted {word}')
        return [int(x) for x in line[1:]]

    def rows(self):
        self.process.stdin.flush()
        instruments, holdings = {}, {}
        while True:
            line = self.process.stdout.readline().split()
            if line == ['end']:
                return instruments, holdings
            kind, index, row = line[0], int(line[1]), [int(x) for x in line[2:]]
            assert len(row) == model.LANES
            (instruments if kind == 'instrument' else holdings)[index] = row


def log_uniform(rng, low, high):
    return int(low * (high / low) ** rng.random())


def make_world(rng, driver):
    now = 1_700_000_000 * 10 ** 9 + rng.randrange(10 ** 12)
    p = {'maintenance': rng.choice([800_000_000, 1_000_000_000, rng.randrange(1, 10 ** 9)]),
         'unrealised': rng.choice([900_000_000, 0, 10 ** 9, rng.randrange(10 ** 9)]),
         'vol_up': rng.choice([500_000_000, rng.randrange(2 * 10 ** 9)]),
         'vol_down': rng.choice([350_000_000, rng.randrange(10 ** 9)]),
         'skew': rng.choice([100_000_000, rng.randrange(10 ** 9)])}
    world = {'parameters': p, 'factors': [], 'instruments': [], 'holdings': [], 'chains': [], 'live': [],
             'now': now, 'marks': {}, 'instrument_rows': {}, 'holding_rows': {}}
    driver.tell('reset')
    driver.tell('parameters', p['maintenance'], p['unrealised'], p['vol_up'], p['vol_down'], p['skew'])
    scale = []
    for _ in range(rng.randint(1, 4)):
        price = log_uniform(rng, *rng.choice([(10 ** 4, 10 ** 14), (1, 10 ** 4), (10 ** 14, 2 ** 62)]))
        scale.append(price)
        tick = rng.choice([1, 1, max(1, price // 1000), max(1, price // 2), price * 2])
        f = model.Factor(rng.choice([rng.randrange(1, 10 ** 9), 120_000_000, 999_999_999]),
                         rng.choice([100_000_000, rng.randrange(1, 10 ** 9)]), min(tick, 2 ** 62))
        world['factors'].append(f)
        driver.tell('factor', f.scan_range, f.vol_floor, f.tick)
    for _ in range(2):
        world['chains'].append(rng.choice([10_000_000, 0, rng.randrange(10 ** 9)]))
        driver.tell('chain', world['chains'][-1])
    for u in range(len(scale)):
        for chain in range(2):
            h = (u + 1, chain, rng.choice([50_000_000, 0, 10 ** 9, rng.randrange(10 ** 9)]),
                 rng.choice([20_000_000, 0, 10 ** 9, rng.randrange(10 ** 9)]))
            world['holdings'].append(h)
            driver.tell('holding', *h)
        for _ in range(rng.randint(1, 3)):
            kind = rng.randint(1, 5)
            strike = expiry = 0
            if kind in (CALL, PUT):
                strike = min(2 ** 62, max(1, log_uniform(rng, scale[u] / rng.choice([1.2, 20]) + 1, scale[u] * 3)))
            if kind in (CALL, PUT, FUTURE):
                expiry = now + rng.choice([rng.randrange(-DAY, DAY), log_uniform(rng, 10 ** 9, 1500 * DAY)])
            world['instruments'].append((kind, u, strike, expiry))
            driver.tell('instrument', kind, u, strike, expiry)
    driver.tell('init')
    return world, scale


def check_group(name, got, values, exponent, exact):
    for lane, value in values:
        want = model.mantissa(value, exponent)
        want = max(-MANTISSA_MAX, min(MANTISSA_MAX, want))
        if abs(got[lane] - want) > (0 if exact else 1):
            raise SystemExit(f'{name} lane {lane}: {got[lane]}, want {want} (exact: {exact})')


def check_arrays(world, u, exponents, instruments, holdings, seen):
    factor = world['factors'][u]
    rows = []
    for i, (kind, owner, strike, expiry) in enumerate(world['instruments']):
        if owner == u:
            option = kind in (CALL, PUT)
            values = (model.option_values(factor, world['parameters'], kind, strike, expiry) if option
                      else model.linear_values(factor))
            rows.append((f'instrument {i}', values, instruments[i], not option))
            seen['option' if option else 'linear'] += 1
    for i, (asset, chain, _, _) in enumerate(world['holdings']):
        if asset - 1 == u:
            rows.append((f'holding {i}', model.linear_values(factor, world['chains'][chain]), holdings[i], True))
    for group, lanes in enumerate(GROUPS):
        e = exponents[group]
        greatest = model.greatest_exponent([v[lane] for _, v, _, _ in rows for lane in lanes])
        # A double may sit on the other side of the edge between two exponents; then its mantissa is at the edge.
        edge = any(not exact and max(abs(row[lane]) for lane in lanes) >= MANTISSA_MAX - 1
                   for _, _, row, exact in rows)
        if e != greatest and not edge:
            raise SystemExit(f'factor {u} group {group}: exponent {e}, want {greatest}')
        for name, values, row, exact in rows:
            check_group(name, row, [(lane, values[lane]) for lane in lanes], e, exact)


def roll(rng, driver, world, scale, u, seen):
    factor = world['factors'][u]
    vol = rng.choice([0, rng.randrange(1, 5 * 10 ** 9), log_uniform(rng, 10 ** 7, 10 ** 11)])
    price = max(1, min(2 ** 62, int(scale[u] * rng.uniform(0.8, 1.2))))
    driver.tell('roll', u, price, vol, world['now'])
    ok, *exponents = driver.answer('rolled')
    instruments, holdings = driver.rows()
    assert ok == 1
    factor.epoch, factor.exponents = (price, vol, world['now']), exponents
    check_arrays(world, u, exponents, instruments, holdings, seen)
    world['instrument_rows'].update(instruments)
    world['holding_rows'].update(holdings)


def make_market(rng, driver, world, scale):
    world['live'], world['marks'] = [], {}
    world['now'] += rng.randrange(10 ** 10)
    driver.tell('now', world['now'])
    for u, base in enumerate(scale):
        price = max(1, min(2 ** 62, int(base * rng.uniform(0.7, 1.3))))
        live = {'price': price, 'vol': rng.randrange(3 * 10 ** 9), 'seq': rng.randrange(10 ** 6),
                'source_time': world['now'] - rng.randrange(-10 ** 8, 10 ** 10),
                'known': rng.random() > 0.02, 'stale': rng.random() < 0.1}
        world['live'].append(live)
        driver.tell('live', u, live['price'], live['vol'], live['source_time'], live['seq'], live['known'],
                    live['stale'])
    for i, (kind, u, strike, expiry) in enumerate(world['instruments']):
        live = world['live'][u]
        driver.tell('mark', i, live['price'], live['vol'], world['now'])
        mark, = driver.answer('mark')
        want = live['price']
        if kind in (CALL, PUT):
            seconds = model.seconds_left(expiry, world['now'])
            if seconds == 0:
                want = max(0, live['price'] - strike if kind == CALL else strike - live['price'])
            else:
                vol = max(live['vol'], world['factors'][u].vol_floor)
                want = nearest(black76(kind == CALL, Decimal(live['price']), Decimal(strike),
                                       Decimal(vol) / 10 ** 9, Decimal(seconds) / model.YEAR)[0])
                # One unit, and beyond 2^50 units the double's own width.
                if abs(mark - want) <= 1 + (max(live['price'], strike) >> 50):
                    want = mark
        if mark != want:
            raise SystemExit(f'mark of {i}: {mark}, want {want}')
        world['marks'][i] = mark


def quantity(rng, signed=True):
    """Usually sensible, now and then at the bounds."""
    shape = rng.random()
    if shape < 0.9:
        q = log_uniform(rng, 1, 10 ** 12)
    elif shape < 0.97:
        q = log_uniform(rng, 10 ** 12, 2 ** 59 - 1)
    else:
        q = rng.choice([1, 2 ** 26 - 1, 2 ** 26, 2 ** 52 - 1, 2 ** 52, 2 ** 59 - 1, 2 ** 59])
    return -q if signed and rng.random() < 0.5 else q


def make_book(rng, world):
    wild = rng.random() < 0.3
    def qty(base_e8, signed=True):
        if wild:
            return quantity(rng, signed)
        q = min(2 ** 59 - 1, max(1, log_uniform(rng, 1, 10 ** 7) * 10 ** 16 // base_e8))  # 1 USD .. 1e7 USD
        return -q if signed and rng.random() < 0.5 else q
    book = {'cash': rng.randrange(-10 ** 9, 10 ** 13), 'cash_held': rng.choice([0, rng.randrange(10 ** 9)]),
            'positions': [], 'orders': [], 'balances': []}
    count = len(world['instruments'])
    for _ in range(rng.choice([0, 1, 5, 20, 150])):
        i = rng.randrange(count)
        kind, u, _, _ = world['instruments'][i]
        q = qty(world['live'][u]['price'])
        cost = 0 if kind in (CALL, PUT) else q * int(world['live'][u]['price'] * rng.uniform(0.9, 1.1)) // 10 ** 10
        book['positions'].append((i, rng.randrange(4), q, max(-2 ** 63, min(2 ** 63 - 1, cost))))
    for _ in range(rng.choice([0, 0, 3, 70])):
        i = rng.randrange(count)
        limit = int(world['marks'][i] * rng.uniform(0.5, 1.5)) + 1
        book['orders'].append((i, rng.randrange(4), qty(world['live'][world['instruments'][i][1]]['price']), limit))
    for i, (asset, _, _, _) in enumerate(world['holdings']):
        if rng.random() < 0.4:
            q = qty(world['live'][asset - 1]['price'])
            book['balances'].append((i, q, rng.randrange(q + 1) if q > 0 and rng.random() < 0.3 else 0))
    return book


FIELDS = ['e_raw', 'e_mm', 'e_im', 'm', 'm_o', 'mm', 'im', 'holds', 'free', 'oracle_seq', 'oracle_age',
          'worst_factor', 'worst_scenario', 'stale', 'overflow']


def check_book(driver, world, book, seen):
    driver.tell('book', book['cash'], book['cash_held'])
    for name in ('positions', 'orders', 'balances'):
        for row in book[name]:
            driver.tell(name[:-1], *row)
    driver.tell('evaluate')
    got, want = driver.answer('margin'), model.evaluate(world, book)
    if got != want:
        for name, g, w in zip(FIELDS, got, want):
            print(f'  {name:15} {g:26} {w:26} {"" if g == w else "<-- differs"}')
        raise SystemExit(f'book differs: {book}')
    seen['unknown' if got[-1] else 'stale' if got[-2] else 'plain'] += 1
    seen['scenario %d' % got[12]] += got[11] != model.NONE


def bits_of(x):
    return struct.unpack('<q', struct.pack('<d', x))[0]


def real_of(bits):
    return struct.unpack('<d', struct.pack('<q', bits))[0]


def check_black76(driver, rng, count):
    """Every figure within 1e-12 relative, however small, over the domain docs/numbers.md names."""
    worst = [0.0] * 4
    for i in range(count):
        forward = 10 ** rng.uniform(-4, 5.5)
        strike = forward * 10 ** rng.choice([rng.uniform(-2, 2), rng.uniform(-0.3, 0.3), rng.uniform(-0.02, 0.02)])
        vol, years = 10 ** rng.uniform(-2, 0.69897), 10 ** rng.uniform(0, 4.6416) / 8766
        driver.tell('black76', i % 2, bits_of(forward), bits_of(strike), bits_of(vol), bits_of(years))
        got = [Decimal(real_of(b)) for b in driver.answer('black76')]
        want = black76(i % 2 == 1, Decimal(forward), Decimal(strike), Decimal(vol), Decimal(years))
        for k in range(4):
            if abs(want[k]) < Decimal('1e-290'):
                if abs(got[k]) > Decimal('1e-289'):
                    raise SystemExit(f'figure {k} of {forward} {strike} {vol} {years}: {got[k]}, want {want[k]}')
                continue
            error = float(abs(got[k] / want[k] - 1))
            worst[k] = max(worst[k], error if abs(want[k]) > Decimal(forward) * Decimal('1e-10') else 0.0)
            if error > 1e-12:
                raise SystemExit(f'figure {k} of {forward} {strike} {vol} {years}: off by {error}')
    print('Black-76, greatest relative error where the figure is above 1e-10 of the forward: price %.1e, delta %.1e, '
          'gamma %.1e, vega %.1e' % tuple(worst))


def main():
    seed = int(os.environ.get('CB_SEED', '20240229'))
    worlds = 25 * int(os.environ.get('CB_EFFORT', '1'))
    print(f'seed {seed}, {worlds * BOOKS_A_WORLD} books', flush=True)
    driver, seen = Driver(sys.argv[1]), Counter()
    check_black76(driver, random.Random(seed), 1000 * int(os.environ.get('CB_EFFORT', '1')))
    for index in range(worlds):
        rng = random.Random(seed * 1_000_003 + index)
        world, scale = make_world(rng, driver)
        for u in range(len(scale)):
            if rng.random() > 0.02:
                roll(rng, driver, world, scale, u, seen)
        for n in range(BOOKS_A_WORLD):
            if n % 8 == 0:
                make_market(rng, driver, world, scale)
            try:
                check_book(driver, world, make_book(rng, world), seen)
            except SystemExit:
                print(f'world {index}, book {n}, seed {seed}')
                raise
    driver.process.stdin.close()
    if driver.process.wait() != 0:
        raise SystemExit('driver failed')
    print(', '.join(f'{k}: {v}' for k, v in sorted(seen.items())))
    # A comparison that never saw these would prove little.
    for kind in ('plain', 'stale', 'unknown', 'option', 'linear'):
        if seen[kind] == 0:
            raise SystemExit(f'no {kind} case was generated')


if __name__ == '__main__':
    main()
