#!/usr/bin/env python3
"""Every kind of bad packet and bad message, byte by byte, at the real program: each is counted or answered under its own
name, changes nothing, and what is good goes on before and after. Then the whole is replayed."""
import random
import sys
from collections import Counter

from client import wire
from market import BTC_PERP, E8, TRADER0, Market

DROPS, REFUSED = Counter(), Counter()  # what the box must have counted when it stops


def expect(got, want, what):
    assert got == want, f"{what}: {got}, not {want}"
    print(f"ok      {what}" + (f": {want}" if isinstance(want, str) else ""))


def drop(market, reason, data, what, sender="TRADER0"):
    """A datagram that must be dropped under `reason`; the session does not move."""
    market[sender].raw(data)
    if reason is not None:
        DROPS["A " + reason] += 1
    print(f"sent    {what}: {reason or 'dropped by the port'}")


def refuse(market, name, message, want, what):
    """A message of a sender that gets a Refused."""
    expect(market.outcome(name, market[name].send(message)), want, what)
    if want is not None:
        REFUSED[want] += 1


def datagrams(market):
    sender = market["TRADER0"]
    good = wire.encode("OrderCancel", order_id=1)
    whole = sender.tagged(sender.datagram(sender.next, [good]))
    for cut in (0, 1, 19, 20, 35):
        drop(market, "short_datagram", whole[:cut], f"truncated to {cut} bytes")
    for cut in (36, 40, len(whole) - 1):
        drop(market, "tag", whole[:cut], f"truncated to {cut} bytes: the tag is not where it was")
    drop(market, "tag", whole + b"\0", "a byte too long")
    drop(market, None, sender.tagged(sender.datagram(sender.next, [good] * 80)), "oversized: above 1,472 bytes")
    for at in (10, 17, 19, 30, len(whole) - 16, len(whole) - 1):
        drop(market, "tag", whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:], f"a bit of byte {at} flipped")
    drop(market, "session", b"NOBODY    " + whole[10:], "a session that is not configured")
    drop(market, "tag", b"TRADER1   " + whole[10:], "another session's name")
    drop(market, "tag", sender.datagram(sender.next, [good]) + bytes(16), "no tag")
    drop(market, "sequence", sender.tagged(sender.datagram(0, [good])), "sequence 0")
    drop(market, "sequence", sender.tagged(sender.datagram(2 ** 64 - 1, [good])), "sequence 2^64 - 1")
    drop(market, "walk", sender.tagged(sender.datagram(sender.next, [good], count=2)), "count above what is there")
    drop(market, "walk", sender.tagged(sender.datagram(sender.next, [good, good], count=1)), "count below what is there")
    drop(market, "walk", sender.tagged(sender.datagram(sender.next, [], count=1) + b"\xff\xff"), "a length past the end")
    chance = random.Random(20240229)
    for _ in range(20):
        for _ in range(25):
            drop_quietly(market, chance)
        sender.durable()  # it came behind them: the port's buffer is empty again
    expect(sender.asked, 0, "nothing of it opened a gap")


def drop_quietly(market, chance):
    data = chance.randbytes(chance.randrange(0, 400))
    market["TRADER0"].raw(data)
    DROPS["A short_datagram" if len(data) < 36 else "A session"] += 1


def sequences(market):
    """Replayed, duplicate and reordered datagrams, and one from the far future of the window."""
    sender, first = market["TRADER0"], market["TRADER0"].next
    reason, answer = market.check(1)
    expect(reason, "none", "an order")
    ask = sender.datagram(first, [sender.sent[first]])
    for _ in range(3):
        sender.raw(sender.tagged(ask))
    sender.durable()
    expect([m for m in sender.received if m[0] == "MarginCheckReply"], [], "replayed three times: no answer, not decided")
    expect(market.check(1)[1], answer, "asked again under a new sequence: the same answer")
    messages = [wire.encode("MarginCheck", request_id=10 + i, instrument=BTC_PERP, qty_e8=10 ** 6, limit_e8=60000 * E8)
                for i in range(5)]
    start = sender.next
    for i in (4, 2, 0, 2, 3, 1):  # reordered, one of them twice
        sender.raw(sender.tagged(sender.datagram(start + i, [messages[i]])))
        sender.sent[start + i] = messages[i]
    sender.next += 5
    seqs = [sender.answer("MarginCheckReply", 10 + i)["seq"] for i in range(5)]
    expect(seqs == sorted(seqs) and len(set(seqs)) == 5, True, "reordered: decided once each, in the sender's order")
    ahead = sender.next + 5000  # beyond the window: dropped, and what lies between is asked for, not skipped
    sender.raw(sender.tagged(sender.datagram(ahead, [messages[0]])))
    for _ in range(50):
        sender.receive(0.1)
        if sender.asked > 0:
            break
    expect(sender.asked > 0, True, "5,000 ahead: the box asks for what is missing")
    expect(market.check(20)[0], "none", "and goes on where it was")


def headers(market):
    """Messages that are not of the schema. Each uses up its sequence, is refused by name, and does not hold up the next."""
    good = wire.encode("OrderCancel", order_id=99)
    size, template, schema, version = wire.HEADER.unpack_from(good)
    body = good[8:]

    def message(size=size, template=template, schema=schema, version=version, body=body):
        return wire.HEADER.pack(size, template, schema, version) + body
    for text, want, what in (
            (b"", "malformed", "empty"), (good[:7], "malformed", "a header cut short"),
            (good[:-1], "malformed", "a block cut short"), (good + b"\0", "malformed", "a byte behind the block"),
            (message(size=size + 8, body=body + bytes(8)), "malformed", "another block length"),
            (message(schema=schema + 1), "schema", "another schema"), (message(version=2), "schema", "version 2"),
            (message(version=0), "schema", "version 0"), (message(template=127), "template", "an unknown template"),
            (wire.encode("MarginCheckReply"), "template", "a message that only the box sends"),
            (good[:-1] + b"\1", "reserved", "a reserved field that is not 0")):
        refuse(market, "VENUE0", text, want, what)
    refuse(market, "VENUE0", good, "unknown_order", "an order that is not open")
    refuse(market, "TRADER0", wire.encode("AccountOpen", account=9, owner=TRADER0), "permission", "a role that may not")
    refuse(market, "CUSTETH", wire.encode("Deposit", account=0, asset=2, chain=1, qty_e8=E8), "permission",
           "a custodian of another chain")


def prices(market):
    def price(factor=0, source=0, price_e8=60000 * E8, at=None):
        return wire.encode("Price", factor=factor, source=source, price_e8=price_e8,
                           source_time_ns=market.now if at is None else at)
    market.now += 10 ** 9
    market["ORACLE0"].say("OracleHeartbeat", source_time_ns=market.now)
    for message, want, what in (
            (price(price_e8=0), "price", "price 0"), (price(price_e8=-1), "price", "price below 0"),
            (price(price_e8=2 ** 63 - 1), "price", "price above the range"),
            (price(at=market.now + 10 ** 9 + 1), "future_time", "a nanosecond later than the tolerance"),
            (price(at=2 ** 63 - 1), "future_time", "the last time there is"),
            (price(at=market.now - 10 ** 9), "old_time", "not newer than what the source said"),
            (price(factor=60), "unknown_factor", "factor 60"), (price(source=3), "unknown_source", "source 3 of 0 to 2"),
            (price(), None, "a good price"),
            (wire.encode("Volatility", factor=0, source=0, vol_e9=0, source_time_ns=market.now), "volatility", "vol 0")):
        market["ORACLE0"].send(message)
        market["ORACLE0"].durable()
        REFUSED[want] += want is not None  # only ordered sessions are told: the box's own count shows it at the end
        print(f"sent    {what}: {want or 'taken'}")


def requests(market):
    for request, keys, want, what in (
            (0, {}, "request_id", "request id 0"), (30, {"account": 9}, "unknown_account", "an account that is not open"),
            (31, {"account": 2 ** 32 - 1}, "unknown_account", "the greatest account id"),
            (32, {"instrument": 4000}, "unknown_instrument", "instrument 4000"),
            (33, {"venue": 50}, "unknown_venue", "venue 50"), (34, {"qty_e8": 0}, "quantity", "quantity 0"),
            (35, {"qty_e8": 2 ** 59}, "quantity", "quantity 2^59"), (36, {"qty_e8": -2 ** 63}, "quantity", "least quantity"),
            (37, {"limit": 0}, "price", "limit 0"), (38, {"limit": -1}, "price", "limit below 0"),
            (39, {"qty_e8": 10 ** 6 * E8}, "margin", "a million bitcoin"), (40, {}, "none", "a good one")):
        expect(market.check(request, **keys)[0], want, what)
        if want != "none":
            REFUSED[want] += 1
    for request, keys, want, what in (
            (50, {"qty_e8": 0}, "quantity", "withdrawal of 0"), (51, {"qty_e8": -100}, "quantity", "withdrawal below 0"),
            (52, {"qty_e8": 101}, "quantity", "finer than USD has it"), (53, {"asset": 63}, "unknown_holding", "asset 63"),
            (54, {"qty_e8": 10 ** 9 * E8}, "balance", "more than there is"),
            (55, {"account": 9}, "unknown_account", "no account")):
        expect(market.withdraw(request, **keys), want, what)
        REFUSED[want] += 1
    refuse(market, "CUSTETH", wire.encode("ReleaseResult", action_hi=1, action_lo=2, outcome=1), "unknown_action",
           "the result of a release nobody asked for")
    refuse(market, "CUSTETH", wire.encode("Deposit", account=0, qty_e8=-100), "quantity", "a deposit below 0")
    for price, qty, want, what in ((0, E8, "price", "a trade at 0"), (60000, 0, "quantity", "a trade of nothing"),
                                   (60000, 2 ** 59, "quantity", "a trade of 2^59")):
        expect(market.trade(0, BTC_PERP, qty, price), want, what)
        REFUSED[want] += 1


def main():
    market = Market(opened=2)
    try:
        for part in (datagrams, sequences, headers, prices, requests):
            market.tick()
            part(market)
        expect(market.check(60)[0], "none", "after all that, a good order")
        stopped = market.stop()
        expect(Counter(stopped["drops"]), DROPS, "what was dropped, by reason")
        expect(Counter(stopped["refused"]), REFUSED, "what was refused, by reason")
        trader = stopped["sessions"]["TRADER0"]
        expect([name for name in ("delivered", "duplicates", "ahead", "gaps", "requests", "bad_tag", "malformed")
                if trader.get(name, 0) == 0], [], "what the trader's window saw is told, each by its name")
    finally:
        market.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
