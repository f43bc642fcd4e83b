#!/usr/bin/env python3
"""Every table of the box is filled to its last row: one more is refused by the table's own name, changes nothing, and is
taken as soon as a row is free again. Then the whole is replayed."""
import sys

from market import BTC_PERP, BTC_SPOT, E8, ETH_PERP, ETH_SPOT, SOL_PERP, TRADER0, Market

PRICE = {BTC_SPOT: 60000, BTC_PERP: 60000, ETH_SPOT: 3000, ETH_PERP: 3000, SOL_PERP: 150}
CAPACITY = {"accounts": 3, "positions": 5, "positions_per_account": 3, "balances": 3, "orders": 4, "holds": 2, "answers": 8}


def expect(got, want, what):
    assert got == want, f"{what}: {got}, not {want}"
    print(f"ok      {what}" + (f": {want}" if isinstance(want, str) else ""))


def accounts(market):
    operator = market["OPERATOR"]
    for account, want in ((2, "account_exists"), (3, "account_id"), (2 ** 32 - 1, "account_id")):
        sequence = operator.say("AccountOpen", account=account, owner=TRADER0)
        expect(market.outcome("OPERATOR", sequence), want, f"account {account} of 0 to 2")


def positions(market):
    def trade(account, instrument, qty_e8):
        return market.trade(account, instrument, qty_e8, PRICE[instrument])
    for account, instrument in ((0, BTC_PERP), (0, ETH_PERP), (0, SOL_PERP)):
        expect(trade(account, instrument, E8), None, f"position in {instrument} of account {account}")
    expect(trade(0, ETH_SPOT, E8), "positions_full", "a fourth position of one account that may have three")
    expect(trade(0, BTC_PERP, E8), None, "more of a position that is there")
    for account, instrument in ((1, BTC_PERP), (1, ETH_PERP)):
        expect(trade(account, instrument, -E8), None, f"position in {instrument} of account {account}")
    expect(trade(2, BTC_PERP, E8), "positions_full", "a sixth position where the box has five")
    expect(trade(1, ETH_PERP, E8), None, "closing one")
    expect(trade(2, BTC_PERP, E8), None, "the sixth, now the fifth")


def orders(market):
    for request in range(1, 5):
        expect(market.check(request)[0], "none", f"order {request}")
    expect(market.check(5)[0], "orders_full", "a fifth order where the box has four")
    market["VENUE0"].say("OrderCancel", order_id=2)
    market["VENUE0"].durable()
    expect(market.check(6)[0], "none", "an order after a cancel")
    expect(market.check(7)[0], "orders_full", "and full again")


def answers(market):
    """The box remembers eight answers. What it remembers it gives again; it never grows."""
    _, first = market.check(100)
    _, again = market.check(100)
    expect(again == first, True, "the same question, the same answer")
    for request in range(101, 110):
        market.check(request)
    _, later = market.check(100)
    expect(later["seq"] > first["seq"], True, "forgotten after nine others, and decided anew")


def balances(market):
    def deposit(account, asset, chain):
        custodian = "CUSTETH" if chain == 0 else "CUSTARB"
        sequence = market[custodian].say("Deposit", deposit_id=market[custodian].next, account=account, asset=asset,
                                         chain=chain, qty_e8=50 * E8)
        return market.outcome(custodian, sequence)
    eth, usdc = (1, 0), (2, 1)
    for account, holding in ((0, eth), (0, usdc), (1, eth)):
        expect(deposit(account, *holding), None, f"coins {holding} of account {account}")
    expect(deposit(1, *usdc), "balances_full", "a fourth row of coins where the box has three")
    expect(deposit(0, *eth), None, "more of a row that is there")
    expect(deposit(1, 0, 0), None, "USD, which needs no row")
    expect(market.withdraw(200, account=1, asset=1, chain=0, qty_e8=50 * E8), "none", "withdrawing the whole of a row")
    market.released(200)
    expect(deposit(1, *usdc), None, "the row is free")


def holds(market):
    expect(market.withdraw(300), "none", "first withdrawal")
    expect(market.withdraw(301), "none", "second withdrawal")
    expect(market.withdraw(302), "holds_full", "a third pending withdrawal where the box has two")
    market.released(300, outcome=2)
    expect(market.withdraw(303), "none", "one more after the chain refused the first")
    market.released(301)
    market.released(303)


def main():
    market = Market(opened=3, **CAPACITY)
    try:
        for part in (accounts, positions, orders, answers, balances, holds):
            market.tick()
            part(market)
        stopped = market.stop()
        refused = stopped["refused"]
        for reason, times in (("account_id", 2), ("account_exists", 1), ("positions_full", 2), ("balances_full", 1),
                              ("holds_full", 1)):
            expect(refused.get(reason), times, f"counted {reason}")
        assert refused["orders_full"] >= 2, refused
    finally:
        market.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
